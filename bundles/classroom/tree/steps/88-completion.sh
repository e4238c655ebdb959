#!/bin/bash
# bash completes the commands of kubectl and kubeadm, where bash-completion is installed.
. "$BUNDLE/steps/lib.sh"

for program in kubectl kubeadm; do
	file=/etc/bash_completion.d/$program
	scratch
	if [[ -x /usr/local/bin/$program ]]; then
		"/usr/local/bin/$program" completion bash >"$NEW"
	fi
	settle "$file" 644
done
