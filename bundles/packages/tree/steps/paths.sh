# shellcheck shell=bash
# What was there before packages of the paths that they bring, so that the host has the same
# tree when they are gone: package managers take directories and files that were there
# before them, give directories another mode and owner, and leave directories that they
# made on the way. A step that reads this has is_owned, see packages.sh.
# The list paths has lines KIND A B PATH: "dir MODE UID:GID", "file N -" with a copy in
# former/N, "absent - -". The list stay has lines "MODE UID:GID PATH".
. "$BUNDLE/steps/notes.sh"

# look DIR... prints of those that are there: MODE UID:GID USER:GROUP PATH.
look() { if (($#)); then stat -c '%a %u:%g %U:%G %n' "$@" 2>/dev/null || true; fi; }

# empty_directories prints those that scripts of packages would take away, such as /opt.
empty_directories() { find /etc /opt /srv /usr /var -maxdepth 4 -type d -empty 2>/dev/null || true; }

# note_paths reads paths, and writes down what is there of them and of the directories that
# lead to them. What was noted before stays: the packages may have come since.
note_paths() {
	local path kind rest mode owner number dirs=()
	local -A seen=()
	while read -r kind rest rest path; do seen["$path"]=1; done < <(noted paths)
	number=${#seen[@]}
	{
		noted paths
		while IFS= read -r path; do
			while [[ $path == /?* && -z ${seen["$path"]:-} ]]; do
				seen["$path"]=1
				if [[ -L $path || (-e $path && ! -d $path) ]]; then
					number=$((number + 1))
					keep_former "$path" "$number"
					printf 'file %s - %s\n' "$number" "$path"
				elif [[ -d $path ]]; then
					dirs+=("$path")
				else
					printf 'absent - - %s\n' "$path"
				fi
				path=${path%/*}
			done
		done
		look ${dirs[@]+"${dirs[@]}"} | while read -r mode owner rest path; do
			printf 'dir %s %s %s\n' "$mode" "$owner" "$path"
		done
	} | save paths
}

# keep_former PATH NUMBER copies a file, whole before it is noted.
keep_former() {
	(
		umask 077
		mkdir -p "$kept/former"
		rm -rf "$kept/former/$2"
		cp -a "$1" "$kept/former/$2"
		if [[ -f $kept/former/$2 && ! -L $kept/former/$2 ]]; then on_disk "$kept/former/$2"; fi
	)
}

# note_stay reads lines "MODE USER:GROUP PATH" of what packages made of directories, and
# writes down, before they go, how directories should be then: as they were before the
# packages, and where somebody else has changed one since, as it is.
note_stay() {
	local kind mode owner names path dirs=()
	local -A made=() was=()
	while read -r mode owner path; do made["$path"]+="|$mode $owner|"; done
	while read -r mode owner path; do was["$path"]=noted; done < <(noted stay)
	while read -r kind mode owner path; do
		if [[ $kind == dir && -z ${was["$path"]:-} ]]; then
			was["$path"]="$mode $owner"
			dirs+=("$path")
		fi
	done < <(noted paths)
	{
		noted stay
		look ${dirs[@]+"${dirs[@]}"} | while read -r mode owner names path; do
			if [[ ${made["$path"]:-} == *"|$mode $names|"* ]]; then
				printf '%s %s\n' "${was["$path"]}" "$path"
			else
				printf '%s %s %s\n' "$mode" "$owner" "$path"
			fi
		done
	} | save stay
}

# bring_back makes of the paths what they were, when the packages are gone.
bring_back() {
	local mode owner names path dirs=()
	local -A now=()
	while read -r mode owner path; do dirs+=("$path"); done < <(noted stay)
	while read -r mode owner names path; do now["$path"]="$mode $owner"; done < <(look ${dirs[@]+"${dirs[@]}"})
	while read -r mode owner path; do
		if [[ ${now["$path"]:-} == "$mode $owner" ]]; then continue; fi
		mkdir -p "$path"
		chown "$owner" "$path"
		chmod "$mode" "$path"
	done < <(noted stay | sort -k 3)
	bring_back_files
	remove_directories
}

bring_back_files() {
	local kind number path new
	while read -r kind number _ path; do
		if [[ $kind != file || -e $path || -L $path ]]; then continue; fi
		mkdir -p "${path%/*}/"
		new=$(beside "$path")
		cp -a "$kept/former/$number" "$new"
		mv -f "$new" "$path"
	done < <(noted paths)
}

# remove_directories takes those away that came with the packages.
remove_directories() {
	local kind path
	while read -r kind _ _ path; do
		if [[ $kind != absent || ! -d $path || -L $path ]]; then continue; fi
		if [[ -n $(find "$path" -mindepth 1 -maxdepth 1 -print -quit) ]]; then
			tell "the directory $path stays: it has what no package brought"
		elif ! is_owned "$path"; then
			rmdir "$path"
		fi
	done < <(noted paths | sort -r -k 4)
}
