#!/bin/bash
# The registry of the cluster: satchel serves the bundle's own images, read-only. The
# bundle is kept where nobody tidies up; files are linked where they can be.
. "$BUNDLE/steps/lib.sh"

store=/var/lib/satchel/bundle
if ! same_file "$BUNDLE/SHA256SUMS" "$store/SHA256SUMS"; then
	if [[ -z $DRY_RUN ]]; then
		rm -rf "$store.new"
		make_home
		mkdir "$store.new"
		for part in bundle.json images files packages bin; do
			if [[ -e $BUNDLE/$part ]]; then
				cp -al "$BUNDLE/$part" "$store.new/" 2>/dev/null || cp -a "$BUNDLE/$part" "$store.new/"
			fi
		done
		chmod -R u=rwX,go=rX "$store.new"
		# The list says that the rest is whole.
		on_disk -f "$store.new"
		put_state "$store.new/SHA256SUMS" <"$BUNDLE/SHA256SUMS"
		# A registry that runs knows what was there when it started.
		due "$store"
		rm -rf "$store"
		mv "$store.new" "$store"
	fi
	changed "$store"
fi
put_binary "$BUNDLE/bin/satchel-$HOST_ARCH" /usr/local/bin/satchel
unit=/etc/systemd/system/satchel-registry.service
put "$HOST_DIR/satchel-registry.service" "$unit"
reload_units "$unit"
enable satchel-registry.service
serve satchel-registry.service restart "$unit" "$store" /usr/local/bin/satchel
