#!/bin/sh
# Prints numbered lines for ever: lines.sh NAME PAUSE; TERM is an end with 0.
trap 'exit 0' TERM
number=0
while :; do
    number=$((number + 1))
    echo "$1 line $number"
    sleep "$2"
done
