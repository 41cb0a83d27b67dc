#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# git am of the mails on the pristine base: byte for byte the tree that they were
# made of, which is build/linux without the steps that are not mailed.

cd "$(dirname "$0")/.." || exit 1
. checks/check-lib.sh
need_tree

mapfile -t patches < <(find "$PWD/build/series" -name '*.patch' ! -name '*-0000-*' | sort)
some 'patch in build/series' "${#patches[@]}"
steps=$(git -C "$linux" rev-list --count base..mailed) || die 'make series first'
[ "${#patches[@]}" -eq "$steps" ] || die "${#patches[@]} patches for $steps steps: make series"
[ "$steps" -le 15 ] || die "$steps patches are too many for one posting"
grep -l '^Signed-off-by:' "${patches[@]}" && die 'who posts signs, nobody else'

# Only the files that the series touches are checked out.
am=$work/am
rm -rf "$am"
git clone -q --shared --no-checkout "$linux" "$am"
git_am() { git -C "$am" -c user.name=check -c user.email=check@localhost -c commit.gpgsign=false "$@"; }
sed -n 's,^diff --git a/\(.*\) b/.*,/\1,p' "${patches[@]}" | sort -u |
	git_am sparse-checkout set --no-cone --stdin
git_am checkout -q --detach base || die 'no base in build/linux'
git_am am -q "${patches[@]}" || die 'git am failed'
[ "$(git_am rev-parse 'HEAD^{tree}')" = "$(git -C "$linux" rev-parse 'mailed^{tree}')" ] ||
	die 'what git am made is not what the mails were made of'
rm -rf "$am"
say looked "at $steps patches"
