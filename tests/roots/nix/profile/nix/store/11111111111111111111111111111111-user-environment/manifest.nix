[ { name = "script"; outPath = "/nix/store/77777777777777777777777777777777-script.sh"; } ]
