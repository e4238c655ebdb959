#!/bin/bash
# Prints what this host has installed: a file for packages.systems."...".baseline of the
# spec. Run it on a host as it is before the first install.
set -euo pipefail

if [[ -s /var/lib/dpkg/status ]] && command -v dpkg-query >/dev/null; then
	dpkg-query -W -f='${db:Status-Abbrev}${Package} ${Version} ${Architecture}\n' | sed -n 's/^.i //p'
elif command -v rpm >/dev/null; then
	# After each package what it provides, requires, conflicts with and obsoletes, and its files.
	rpm -qa --qf '%{NAME} %{EPOCHNUM}:%{VERSION}-%{RELEASE} %{ARCH}\n[provides %{PROVIDENAME} %{PROVIDEFLAGS:depflags} %{PROVIDEVERSION}\n][requires %{REQUIRENAME} %{REQUIREFLAGS:depflags} %{REQUIREVERSION}\n][conflicts %{CONFLICTNAME} %{CONFLICTFLAGS:depflags} %{CONFLICTVERSION}\n][obsoletes %{OBSOLETENAME} %{OBSOLETEFLAGS:depflags} %{OBSOLETEVERSION}\n][file %{FILENAMES}\n]'
fi
