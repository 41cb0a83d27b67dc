#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Our documents through Sphinx with the kernel's own configuration, the ABI entries
# through the kernel's parser, the manual through mandoc: not one line. The documents
# are built alone, a second: all of the kernel's would take an hour.

cd "$(dirname "$0")/.." || exit 1
. checks/check-lib.sh
need_tree

docs=$work/docs
rm -rf "$docs"
mkdir -p "$docs/src/Documentation"

# Of the drawings that need dot(1) we have none. A mention of an ABI file makes the
# kernel's configuration read all of them, and some entries of the base stand twice.
sphinx()
{
	srctree=$PWD/$linux PYTHONDONTWRITEBYTECODE=1 sphinx-build -q -b html \
		-D kerneldoc_srctree="$PWD/$linux" -c "$linux/Documentation" \
		-d "$docs/tree" "$docs/src/Documentation" "$docs/html" 2>&1 |
		grep -vE '^Using .* theme$|dot\(1\) not found|^WARNING: /sys/bus/.* is defined '
}

mapfile -t files < <(repo_files 'Documentation/*.rst')
some document "${#files[@]}"
cp --parents "${files[@]}" "$docs/src"
cp MAINTAINERS "$docs/src"

# The entries of Documentation/ABI become a document; what the parser cannot make sense
# of is not in it.
mapfile -t entries < <(repo_files 'Documentation/ABI/*')
some 'ABI entry' "${#entries[@]}"
cp --parents "${entries[@]}" "$docs"
python3 -B "$linux/tools/docs/get_abi.py" -D "$docs/Documentation/ABI" rest |
	grep -v '^Defined on file' > "$docs/src/Documentation/abi.rst"
lost=$(sed -n 's/^What:[[:blank:]]*//p' "${entries[@]}" | while read -r what; do
	sed 's/[\]//g' "$docs/src/Documentation/abi.rst" | grep -qF "**$what**" || echo "$what"
done)
lost+=$(sed -n 's/.*debugfs_create_file("\([a-z]*\)".*/\1/p' mm/contig/{look,report,trigger}.c |
	while read -r name; do
		grep -q "^What:.*/contig/$name\$" "${entries[@]}" || echo "debugfs: contig/$name"
	done)
[ -z "$lost" ] || die 'the ABI parser does not find all entries' "$lost"
{
	printf 'Contiguous memory\n=================\n\n.. toctree::\n\n   abi\n'
	for file in "${files[@]}"; do
		file=${file#Documentation/}
		echo "   ${file%.rst}"
	done
} > "$docs/src/Documentation/index.rst"

printf 'Planted\n=====\n' > "$docs/src/Documentation/planted.rst"
sphinx | grep -q 'planted.rst.*underline too short' || die 'Sphinx does not see a planted error'
rm "$docs/src/Documentation/planted.rst"
rm -rf "$docs/tree" "$docs/html"

mapfile -t manuals < <(repo_files 'tools/*.[1-8]')
some manual "${#manuals[@]}"
told=$(
	sphinx
	for file in "${files[@]}"; do
		page=$docs/html/${file#Documentation/}
		[ -s "${page%.rst}.html" ] || echo "$file: there is no page of it"
		[ "$(wc -l < "$file")" -le 200 ] || echo "$file: more than 200 lines"
	done
	mandoc -Tlint "${manuals[@]}" | grep -v 'STYLE: input text line longer than 80'
)
say looked "at ${#files[@]} documents, ${#entries[@]} ABI files, ${#manuals[@]} manuals"
[ -z "$told" ] || { echo "$told"; exit 1; }
