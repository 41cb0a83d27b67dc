#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Nothing in the repository points at a machine: no host of a package mirror or
# registry, no absolute path into somebody's directories. Nobody signs. Every file
# names its licence, but for those that are mailed as they stand or are mere data.

cd "$(dirname "$0")/.." || exit 1
. checks/check-lib.sh

mapfile -t files < <(repo_files)
some file "${#files[@]}"
bad=0

# forbid WHAT REGEX: the regexes are written so that they do not match themselves
forbid()
{
	if grep -nIE -- "$2" "${files[@]}"; then
		echo "^ $1"
		bad=1
	fi
}

forbid 'a mirror or a registry' '(debian|ubuntu|pypi|npmjs|python[hH]osted|crates|golang)[.](org|com|io)'
forbid 'a mirror by address' 'https?:[/]/[^ ]*[/](debian|ubuntu)\b'
forbid 'a path of one machine' '(^|[^[:alnum:]_.-])[/](home|work|Users)[/][[:alnum:]]|(^|[ "'\''=:])[/]root[/]'
forbid 'a signature' '^(Signed-off|Co-developed|Reviewed|Tested|Acked)-b[y]: '
forbid 'blanks at the end of a line' "$(printf '[^-+ \t].*[ \t]+$')"
for file in "${files[@]}"; do
	case $file in
	*.msg | *.patch | *.config | *.skips | *.allow | *.words | *.uncut | *.json) continue ;;
	checks/contigstat.txt | series/cover.md | .* | */.git* | MAINTAINERS | series/series | bench/size.svg | Documentation/ABI/*) continue ;;
	esac
	head -n 3 "$file" | grep -q 'SPDX-License-Identifier: GPL-2.0' && continue
	echo "$file: no SPDX tag in its first lines"
	bad=1
done
say looked "at ${#files[@]} files"
exit "$bad"
