class Agent < Formula
  homepage "https://k.example"
end
