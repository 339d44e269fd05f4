# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# A kernel tree in which files may be changed: links to what is in another one. Source ktap.sh
# first.

# Below the folders that are named, and on the way to them, entries are links of their own; they may
# be replaced, and added. All else is reached by the link of a folder.
farm() { # SOURCE TREE FOLDER...
	local source=$1 tree=$2 folder part at

	mkdir -p "$tree"
	ln -s "$source"/* "$tree/"
	for folder in "${@:3}"; do
		at=
		for part in ${folder//\// }; do
			at+=/$part
			[ -L "$tree$at" ] || continue
			rm "$tree$at"
			mkdir "$tree$at"
			ln -s "$source$at"/* "$tree$at/"
		done
	done
}

# Git follows no link.
farm_copy() { # SOURCE TREE FILE...
	local file

	for file in "${@:3}"; do
		[ ! -L "$2/$file" ] || cp --remove-destination "$1/$file" "$2/$file"
	done
}
