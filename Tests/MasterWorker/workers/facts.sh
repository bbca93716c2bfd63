#!/bin/sh
# Writes down what a plain program is given: facts.sh FILE. A shell leaves the signals as it got them, but for the time
# in which it starts another program.
{
    while IFS= read -r line; do printf '%s\n' "$line"; done <"/proc/$$/status"
    for each in "/proc/$$/fd"/*; do echo "fd ${each##*/} $(readlink "$each")"; done
    env | sed 's/^/env /'
} >"$1.new" 2>/dev/null
mv "$1.new" "$1"
exec sleep 1000
