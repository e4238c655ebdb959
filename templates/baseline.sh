#!/bin/bash
# Prints what this host has installed: a file for packages.systems."...".baseline of the
# spec. Run it on a host as it is before the first install.
set -euo pipefail

dpkg-query -W -f='${db:Status-Abbrev}${Package} ${Version} ${Architecture}\n' | sed -n 's/^.i //p'
