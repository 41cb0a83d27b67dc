#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# checkpatch --strict on every mail and on every C file: not one line of
# complaint but those that checks/check-patch.allow has a reason for. checkpatch
# drops a cache where it runs, so it runs in a directory of links to build/linux.
# FILE_PATH_CHANGES is left to check-maintainers, which knows.

cd "$(dirname "$0")/.." || exit 1
. checks/check-lib.sh
need_tree

root=$work/checkpatch
rm -rf "$root"
mkdir -p "$root"
ln -s "$PWD/$linux"/* "$root"

# look ARGUMENT...: what checkpatch objects to, as 'path:line: LEVEL:TYPE: text'
look()
{
	(cd "$root" && ./scripts/checkpatch.pl --strict --no-signoff --no-summary --quiet --terse \
		--showfile --show-types --color=never --ignore FILE_PATH_CHANGES "$@")
}

# Proof that it looks: bad code has to be told.
printf '/* SPDX-License-Identifier: GPL-2.0 */\nint a( int b )\n{\n        return b ;\n}\n' > "$root/planted.h"
look -f planted.h | grep -q 'ERROR:SPACING' || die 'checkpatch does not see a planted error'

mapfile -t patches < <(find build/series -name '*.patch' ! -name '*cover-letter*' | sort)
some 'patch in build/series' "${#patches[@]}"
mapfile -t files < <(our_c)
some 'C file' "${#files[@]}"
{
	for patch in "${patches[@]}"; do
		look "$PWD/$patch"
	done
	for file in "${files[@]}"; do
		look -f "$file"
	done
} > "$work/checkpatch.log" 2>&1
say looked "at ${#patches[@]} patches and ${#files[@]} files"

# An allowed pair of path and TYPE is taken out; one that is not needed goes too.
awk -v allow=checks/check-patch.allow '
	BEGIN {
		while ((getline line < allow) > 0)
			if (split(line, word, " ") > 2 && line !~ /^#/)
				free[word[1] " " word[2]] = 1
	}
	{
		split($0, part, ":")
		key = part[1] " " part[4]
		if (key in free)
			used[key] = 1
		else if (!told[$0]++) {
			print
			bad = 1
		}
	}
	END {
		for (key in free)
			if (!used[key]) {
				print allow ": not needed: " key
				bad = 1
			}
		exit bad
	}' "$work/checkpatch.log"
