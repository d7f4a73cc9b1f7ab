cask "old" do
  homepage "https://old.example"
end
