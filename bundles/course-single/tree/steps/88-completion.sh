#!/bin/bash
# bash completes the commands of kubectl and kubeadm, where bash-completion is installed.
. "$BUNDLE/steps/lib.sh"

for program in kubectl kubeadm; do
	file=/etc/bash_completion.d/$program
	scratch
	if command -v "$program" >/dev/null; then
		"$program" completion bash >"$NEW"
	fi
	settle "$file" 644
done
