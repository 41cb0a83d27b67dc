#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# No word that codespell knows to be a slip. The words that it takes for one and that
# are none stand in checks/check-spelling.words.

cd "$(dirname "$0")/.." || exit 1
. checks/check-lib.sh

words=checks/check-spelling.words
mapfile -t files < <(repo_files | grep -v '\.svg$')
some file "${#files[@]}"
tr x i <<< 'recxeve' > "$work/planted"
codespell "$work/planted" | grep -q '==>' || die 'codespell does not see a planted error'
told=$(codespell --ignore-words "$words" "${files[@]}" 2>&1)
say looked "at ${#files[@]} files"
[ -z "$told" ] || { echo "$told"; exit 1; }
