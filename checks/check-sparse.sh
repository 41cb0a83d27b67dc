#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# sparse on our objects: not one line, and proof that it looked.
#
# sparse 0.6.4 does not know __typeof_unqual__, whereupon Kbuild silently checks
# nothing; the definition below mends that. And one error in a header makes it
# hold back whatever it would have said later. So V=1 shows each call of sparse,
# and the same call on a copy of the file with errors planted has to report those.
# Modules are left out: it takes the __builtin_strlen() of MODULE_INFO() for an error.

cd "$(dirname "$0")/.." || exit 1
. checks/check-lib.sh
need_objects

checker='sparse -D__typeof_unqual__=__typeof__'
log=$work/sparse.log
ticking kbuild_to "$log" C=2 V=1 CHECK="$checker" mm/contig/ || { tail -n 20 "$log"; die 'mm/contig does not compile'; }

mapfile -t files < <(compiled_c | grep ^mm)
some 'C file under mm/' "${#files[@]}"
planted=$PWD/$work/planted.c
errors=$(cat <<-'EOF'
	static int planted_space(int __user *p)
	{
		return *p;
	}
	static gfp_t planted_type(int x)
	{
		return x;
	}
	static void *planted_use[] = { planted_space, planted_type };
EOF
)

# sees FILE: sparse ran on FILE, and would have told
sees()
{
	local call words

	call=$(grep -m1 -E "^ *$checker .*/$1\$" "$log") || { echo "$1: sparse was not run"; return 1; }
	{ cat "$1"; echo "$errors"; } > "$planted"
	(cd "$work/obj" && eval "${call% *} '$planted'") > "$work/planted.log" 2>&1
	for words in 'dereference of noderef' 'incorrect type in return expression'; do
		grep -q "planted.c:.*$words" "$work/planted.log" || {
			echo "$1: sparse does not see a planted error ($words), but says"
			head -n 5 "$work/planted.log"
			return 1
		}
	done
}

bad=0
for file in "${files[@]}"; do
	sees "$file" || bad=1
done
grep -E '^[^ ]*contig[^ ]*:[0-9]+:[0-9]+: ' "$log" && bad=1
say looked "at ${#files[@]} files, each also with errors planted in it"
exit "$bad"
