# What setup.sh, extras.sh and hashes.sh read pins.txt with; they source it in the repository's root.

section() { # NAME: the lines of one section of pins.txt
    awk -v s="[$1]" '/^\[/ { on = ($0 == s); next } on && NF && !/^#/' dev/pins.txt
}

hashed() { # NAME: the same with the sha256 of each pin's files, for pip's --require-hashes
    section "$1" | awk '
        NR == FNR {
            for (i = 2; i <= NF; i++) hashes[$1] = hashes[$1] " --hash=sha256:" $i
            next
        }
        {
            pin = tolower($1)
            sub(/;$/, "", pin)
            name = version = pin
            sub(/==.*/, "", name)
            sub(/.*==/, "", version)
            gsub(/[-_.]+/, "-", name)
            print $0 hashes[name "==" version]
        }' dev/hashes.txt -
}
