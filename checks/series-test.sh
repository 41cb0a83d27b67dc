#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Tests of the series mechanics (series/): on a base of five files and a series
# of two steps, made in a temporary directory. No network, a few seconds. KTAP.
#
# shellcheck disable=SC2317 # the cases are found by their names

set -u
cd "$(dirname "$0")/.." || exit 1
top=$PWD
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
# What a user may have set must not matter.
export HOME=$tmp GIT_CONFIG_NOSYSTEM=1
# Of a hundred calls each would go through the wrapper that may be in front of Python.
PATH=$(dirname "$(python3 -c 'import sys; print(sys.executable)')"):$PATH
unset BASE KDIR FORCE GIT_DIR GIT_INDEX_FILE GIT_WORK_TREE MAKEFLAGS
printf '[core]\n autocrlf = true\n safecrlf = false\n[commit]\n gpgsign = true\n[apply]\n whitespace = error\n' > "$tmp/.gitconfig"

# --- the little world ----------------------------------------------------------

fake_base()
{
	mkdir -p "$1/mm" "$1/scripts"
	printf 'VERSION = 7\nPATCHLEVEL = %s\nSUBLEVEL = 4\n' "${2:-3}" > "$1/Makefile"
	printf '/*\n!/debian/\n' > "$1/.gitignore"
	printf 'obj-y += one.o\nobj-y += two.o\n\nobj-y += three.o\nobj-y += four.o\n' > "$1/mm/Makefile"
	printf 'int page;\n' > "$1/mm/page_alloc.c"
	printf 'not to be touched \r\n' > "$1/scripts/bystander"
	chmod +x "$1/scripts/bystander"
}

# A project in ./, with this repository's series scripts
fake_project()
{
	fake_base base
	mkdir -p series build mm/thing
	cp "$top"/series/*.{py,sh,config} series/
	printf 'obj-y += a.o\n' > mm/thing/Makefile
	printf 'int a;\r\n' > mm/thing/a.c
	printf '%s\n' '# a comment' 0001-add-a $'\tmm/thing/Makefile' $'\tmm/thing/a.c\t# the thing' 0002-hook > series/series
	printf 'mm/thing: add a thing\n\nPeople need it.\n' > series/0001-add-a.msg
	printf 'mm: build the thing\n\nNow it is there.\n' > series/0002-hook.msg
	cat > series/0002-hook.patch <<-'EOF'
		--- a/mm/Makefile
		+++ b/mm/Makefile
		@@ -2,2 +2,3 @@
		 obj-y += two.o
		+obj-y += thing/
		 
	EOF
	git init -q . && printf 'build/\nbase/\nkdir/\nout\n' > .gitignore
	BASE=base series/base.sh > out 2>&1
}

tree() { series/tree.py > out 2>&1; }

# fails WORDS COMMAND...: it fails, and what it says has WORDS in it
fails()
{
	local words=$1

	shift
	if "$@" > out 2>&1; then
		echo "should have failed: $*" >> out
		return 1
	fi
	grep -qF -- "$words" out
}

git_linux() { git -C build/linux "$@"; }
sums() { find "$1" -printf '%p %y %m %T@ %s\n' | sort; find "$1" -type f -exec sha256sum {} + | sort; }

# --- make tree -----------------------------------------------------------------

t_makes_the_base_and_a_commit_per_step()
{
	tree && [ "$(git_linux rev-list --count HEAD)" = 3 ] &&
		[ "$(git_linux log -1 --format=%s)" = 'mm: build the thing' ] &&
		git_linux log -1 --format=%s base | grep -q '7\.3\.4' &&
		cmp build/linux/mm/thing/a.c mm/thing/a.c &&
		cmp build/linux/scripts/bystander base/scripts/bystander &&
		[ -x build/linux/scripts/bystander ] && [ -z "$(git_linux status --porcelain)" ] &&
		grep -A1 two build/linux/mm/Makefile | grep -q thing/
}

t_same_input_makes_the_same_commits()
{
	local first

	tree && first=$(git_linux rev-parse HEAD) && rm -rf build/linux && sleep 1.1 &&
		tree && [ "$(git_linux rev-parse HEAD)" = "$first" ]
}

t_second_run_changes_nothing()
{
	local before

	tree && before=$(sums build/linux | grep -v '/\.git') && tree && grep -q unchanged out &&
		[ "$(sums build/linux | grep -v '/\.git')" = "$before" ]
}

t_only_changed_files_get_a_new_time()
{
	tree && touch -d 2020-01-01 build/linux/mm/Makefile build/linux/mm/thing/* build/linux/Makefile &&
		echo 'int b;' >> mm/thing/a.c && tree &&
		[ "$(find build/linux/mm -newermt 2021-01-01 -type f ! -name page_alloc.c)" = build/linux/mm/thing/a.c ]
}

t_a_step_taken_away_goes_away()
{
	tree && rm series/0002-hook.* && sed -i /0002/d series/series && tree &&
		[ "$(git_linux rev-list --count HEAD)" = 2 ] && cmp build/linux/mm/Makefile base/mm/Makefile
}

t_no_steps_is_the_base()
{
	: > series/series && rm -r mm series/*.msg series/*.patch && tree && grep -q 'the base alone' out &&
		[ "$(git_linux rev-list --count HEAD)" = 1 ]
}

t_another_base_makes_another_tree()
{
	tree && fake_base newer && sed -i 's/LEVEL = 4/LEVEL = 9/' newer/Makefile &&
		BASE=newer series/base.sh > out 2>&1 && tree && git_linux log --format=%s base | grep -q '7\.3\.9'
}

t_git_checkout_as_base_brings_tracked_files_only()
{
	fake_base checkout && git -C checkout init -q && git -C checkout add -f . &&
		git -C checkout -c user.name=x -c user.email=x -c commit.gpgsign=false commit -qm x &&
		touch checkout/junk.o && BASE=checkout series/base.sh > out 2>&1 && tree &&
		[ ! -e build/linux/junk.o ] && [ -e build/linux/mm/page_alloc.c ]
}

# --- a base that does not fit ----------------------------------------------------

t_base_of_another_version_is_refused()
{
	fake_base old 2 && fails 'Linux 7.2.4, and Linux 7.3 is needed' env BASE=old series/base.sh
}

t_base_that_was_built_in_is_refused()
{
	fake_base dirty && touch dirty/.config && fails mrproper env BASE=dirty series/base.sh
}

# --- a manifest that is wrong ----------------------------------------------------

t_file_in_no_step() { touch mm/thing/b.c && fails 'mm/thing/b.c is in no step' tree; }
t_file_in_two_steps() { printf '\tmm/thing/a.c\n' >> series/series && fails 'in two steps' tree; }
t_file_missing() { printf '\tmm/thing/c.c\n' >> series/series && fails 'mm/thing/c.c, listed in' tree; }
t_file_of_the_base() { mkdir -p mm && echo >> mm/page_alloc.c && printf '\tmm/page_alloc.c\n' >> series/series &&
	fails 'has a file of that name' tree; }
t_no_message() { rm series/0001-add-a.msg && fails '0001-add-a has no message' tree; }
t_empty_step() { rm series/0002-hook.patch && fails 'neither a file nor a hook' tree; }
t_left_over_hook() { cp series/0002-hook.patch series/0003-x.patch && fails 'belongs to no step' tree; }
t_wrong_order() { printf '0000-x\n\tmm/thing/a.c\n' >> series/series && fails 'comes after' tree; }

t_errors_leave_the_tree_alone()
{
	local before

	tree && before=$(sums build/linux) && touch mm/thing/b.c && fails 'in no step' tree &&
		[ "$(sums build/linux)" = "$before" ]
}

# --- messages --------------------------------------------------------------------

message() { printf '%b' "$1" > series/0001-add-a.msg; }
t_subject_too_long() { message "mm: $(printf 'x%.0s' {1..80})\n\nBody.\n" && fails 'columns' tree; }
t_subject_without_area() { message 'Add a thing\n\nBody.\n' && fails 'no subject of the form' tree; }
t_message_without_body() { message 'mm: add a thing\n' && fails 'the reason should follow' tree; }
t_body_too_wide() { message "mm: add it\n\n$(printf 'x%.0s' {1..76})\n" && fails '76 columns' tree; }
t_signature() { message 'mm: add it\n\nBody.\n\nSigned-off-by: A\n' && fails 'adds names' tree; }
t_mail_address() { message 'mm: add it\n\nAsk a@b.example.\n' && fails 'adds names' tree; }

# --- hooks -----------------------------------------------------------------------

t_hook_without_its_context()
{
	sed -i 's/two/2/' series/0002-hook.patch && fails 'does not fit mm/Makefile:2' tree
}

t_hook_with_fuzz()
{
	sed -i 's/^ $/ obj-y += five.o/' series/0002-hook.patch && fails 'context is not there' tree
}

t_hook_elsewhere_is_told()
{
	sed -i '1i # new\n# new' base/mm/Makefile && tree && grep -q '+2 lines away' out &&
		grep -A1 two build/linux/mm/Makefile | grep -q thing/
}

t_hook_with_two_homes()
{
	printf '# new\n# new\nobj-y += two.o\n\n' | cat - base/mm/Makefile > new && mv new base/mm/Makefile &&
		fails 'fits at 2 places' tree
}

t_hook_with_more_context()
{
	sed -i 's/^@@.*/@@ -1,3 +1,4 @@\n obj-y += one.o/' series/0002-hook.patch && fails 'more than one line' tree
}

t_hook_without_context()
{
	printf -- '--- a/mm/Makefile\n+++ b/mm/Makefile\n@@ -2,0 +3 @@\n+obj-y += thing/\n' > series/0002-hook.patch &&
		fails 'no context' tree
}

t_hook_that_makes_a_file()
{
	printf -- '--- /dev/null\n+++ b/mm/new.c\n@@ -0,0 +1 @@\n+int x;\n' > series/0002-hook.patch &&
		fails 'only changes files of the base' tree
}

t_hook_in_our_own_file()
{
	sed -i s,mm/Makefile,mm/thing/Makefile, series/0002-hook.patch && fails 'our own file' tree
}

t_hook_with_a_bare_blank_line()
{
	sed -i 's/^ $//' series/0002-hook.patch && echo '-- ' >> series/0002-hook.patch && tree
}

t_hook_cut_short() { sed -i '$d' series/0002-hook.patch && fails 'cut short' tree; }

# --- files that grow ---------------------------------------------------------------

# A third step with a file that the Makefile, the Kconfig and the header know of
# shellcheck disable=SC2016 # make expands that
grow()
{
	printf 'obj-y := a.o b.o\nobj-$(CONFIG_SUB) += sub/\nobj-$(CONFIG_B) += b.o\n' > mm/thing/Makefile
	printf 'config A\n\tbool "a"\n\nconfig B\n\tbool "b"\n\nconfig SUB\n\tbool "c"\n' > mm/thing/Kconfig
	printf '#ifdef A\n/* a.c */\nint a(void);\n\n/* b.c: the rest */\nint b(void);\n#ifdef X\nint c;\n\n#endif\n\n#endif\n' > mm/thing/a.h
	printf '\n#ifdef B\n\n/* b.c */\nint d(void);\n\n#endif\n' >> mm/thing/a.h
	printf '#include "a.h"\nvoid f(void)\n{\n\ta();\n\tb();\n\tif (b())\n\t\treturn;\n}\n' > mm/thing/a.c
	printf 'list = {\n\t/* a.c */\n\tone,\n\n\t/* b.c */\n\ttwo,\n\n\tend\n};\n' > mm/thing/list.c
	mkdir mm/thing/sub && touch mm/thing/b.c mm/thing/sub/Makefile
	printf '\t%s\n' mm/thing/{Kconfig,a.h,list.c} > listed
	sed -i '/thing.a\.c/r listed' series/series
	printf '%s\n' 0003-b $'\tmm/thing/b.c' 0004-sub $'\tmm/thing/sub/Makefile' >> series/series
	printf 'mm/thing: add b\n\nMore.\n' | tee series/0003-b.msg > series/0004-sub.msg
	tree
}

# at STEP FILE: what it looks like then, counted back from the last
at() { git_linux show "HEAD~$1:mm/thing/$2"; }

t_makefile_grows()
{
	grow && [ "$(at 2 Makefile)" = 'obj-y := a.o' ] &&
		[ "$(at 1 Makefile)" = $'obj-y := a.o b.o\nobj-$(CONFIG_B) += b.o' ] && at 0 Makefile | cmp - mm/thing/Makefile
}

t_kconfig_grows()
{
	grow && [ "$(at 2 Kconfig)" = $'config A\n\tbool "a"' ] && ! at 1 Kconfig | grep SUB &&
		at 1 Kconfig | grep -qx 'config B' && at 0 Kconfig | cmp - mm/thing/Kconfig
}

t_headings_grow()
{
	grow && [ "$(at 2 a.h)" = $'#ifdef A\n/* a.c */\nint a(void);\n\n#endif' ] && at 1 a.h | cmp - mm/thing/a.h &&
		[ "$(at 2 list.c)" = $'list = {\n\t/* a.c */\n\tone,\n\n\tend\n};' ] &&
		at 1 list.c | cmp - mm/thing/list.c
}

t_calls_grow()
{
	grow && ! at 2 a.c | grep -qP '^\tb\(' && at 2 a.c | grep -q 'if (b())' && at 2 a.c | grep -qP '^\ta\(' &&
		at 1 a.c | cmp - mm/thing/a.c
}

t_what_does_not_grow_is_as_it_was() { grow && [ "$(git_linux log --format=%s -- mm/thing/b.c | wc -l)" = 1 ] &&
	[ "$(git_linux log --format=%s -- mm/thing/a.h | wc -l)" = 2 ]; }

# --- blocks that go ------------------------------------------------------------------

block='#ifdef OLD
int old(int a,
	int b)
{
#if 1
	return a;
#endif
}
EXPORT_SYMBOL(old);
#endif /* OLD */'

# cut BLOCK: the base has it, and a third step takes it out
cut()
{
	printf 'int before;\n\n%s\n\nint page;\n' "$1" > base/mm/page_alloc.c
	echo 0003-cut >> series/series
	printf 'mm: drop it\n\nOld.\n' > series/0003-cut.msg
	printf '%s\n' '# what goes' 'file mm/page_alloc.c' 'from #ifdef OLD' 'to #endif /* OLD */' 'defines old' > series/0003-cut.cut
}

t_block_goes()
{
	cut "$block" && tree && [ "$(cat build/linux/mm/page_alloc.c)" = $'int before;\n\nint page;' ] &&
		git_linux show HEAD~1:mm/page_alloc.c | cmp - base/mm/page_alloc.c
}

t_block_goes_in_a_directory()
{
	cut "$block" && fake_base kdir && cp base/mm/page_alloc.c kdir/mm/ && apply kdir && tree &&
		cmp kdir/mm/page_alloc.c build/linux/mm/page_alloc.c
}

t_block_comes_back()
{
	cut "$block" && echo '9000-x unmailed' >> series/series && echo 0003-cut > series/9000-x.uncut &&
		printf 'mm: have it back\n\nTo compare.\n' > series/9000-x.msg &&
		sed 's/thing/other/' series/0002-hook.patch | sed 's/^@@.*/@@ -3,2 +3,3 @@/; s/ obj-y += two.o/ obj-y += thing\//' > series/9000-x.patch &&
		tree && cmp build/linux/mm/page_alloc.c base/mm/page_alloc.c && mails &&
		grep -q '^-int old' build/series/*0003*
}

t_block_back_in_a_mail() { cut "$block" && echo 0003-cut > series/0002-hook.uncut && fails 'the step is mailed' tree; }
t_back_what_was_not_cut() { cut "$block" && echo '9000-x unmailed' >> series/series &&
	echo 0001-add-a > series/9000-x.uncut && fails 'no earlier step with a cut' tree; }
t_block_missing() { cut 'int other;' && fails "'#ifdef OLD' is there 0 times" tree; }
t_block_twice() { cut "$block"$'\n'"$block" && fails 'is there 2 times' tree; }
t_block_with_an_else() { cut "${block/'#endif /'/$'#else\n#endif /'}" && fails 'has an #else' tree; }
t_block_without_the_function() { cut "${block//old/young}" && fails 'does not define old()' tree; }
t_block_that_exports_more() { cut "${block/EXPORT/$'EXPORT_SYMBOL(more);\nEXPORT'}" && fails 'also exports more' tree; }
t_block_that_ends_otherwise() { cut "${block/' /* OLD */'}" && fails 'does not end with' tree; }
t_recipe_with_a_strange_word() { cut "$block" && echo 'until x' >> series/0003-cut.cut && fails 'no line of a recipe' tree; }

# --- hand edits --------------------------------------------------------------------

t_hand_edit_is_refused_and_kept()
{
	tree && echo mine >> build/linux/mm/page_alloc.c && fails 'changed: mm/page_alloc.c' tree &&
		grep -q mine build/linux/mm/page_alloc.c
}

t_hand_edit_goes_with_force()
{
	tree && echo mine >> build/linux/mm/page_alloc.c && FORCE=1 tree &&
		cmp build/linux/mm/page_alloc.c base/mm/page_alloc.c
}

t_commit_by_hand_is_refused()
{
	tree && git_linux -c user.name=x -c user.email=x -c commit.gpgsign=false commit -q --allow-empty -m 'my own' &&
		fails 'commit of yours' tree
}

t_stray_file_is_not_overwritten()
{
	tree && echo mine > build/linux/mm/thing/b.c && echo ours > mm/thing/b.c &&
		sed -i 's,mm/thing/a.c.*,&\n\tmm/thing/b.c,' series/series && fails 'would overwrite' tree &&
		grep -q mine build/linux/mm/thing/b.c
}

t_interrupted_checkout_is_finished()
{
	tree && echo half > build/linux/mm/thing/a.c && touch build/linux/.git/contig-busy && tree &&
		cmp build/linux/mm/thing/a.c mm/thing/a.c
}

# --- make apply ----------------------------------------------------------------------

apply() { KDIR=$1 series/apply.py > out 2>&1; }

# refused WORDS: kdir is refused and stays as it is, with its .git
refused()
{
	local before

	before=$(sums kdir)
	fails "$1" apply kdir && diff <(echo "$before") <(sums kdir) >> out
}

git_kdir()
{
	fake_base kdir && git -C kdir init -q && git -C kdir add -f . &&
		git -C kdir -c user.name=x -c user.email=x -c commit.gpgsign=false commit -qm x
}

t_apply_to_a_directory()
{
	fake_base kdir && apply kdir && tree && rm -rf kdir/.git &&
		diff -r --exclude=.git kdir build/linux >> out && [ -z "$(find . -name '.contig*')" ]
}

t_apply_to_a_git_tree()
{
	git_kdir && apply kdir &&
		[ "$(git -C kdir rev-list --count HEAD)" = 3 ] && [ -z "$(git -C kdir status --porcelain)" ] &&
		git -C kdir show HEAD:mm/thing/a.c | cmp - mm/thing/a.c
}

t_apply_twice_is_refused() { fake_base kdir && apply kdir && refused 'has files of the series already'; }
t_apply_to_another_version() { fake_base kdir 2 && refused 'is Linux 7.2.4'; }
t_apply_to_no_kernel() { mkdir kdir && touch kdir/Makefile && refused 'is no kernel tree'; }
t_apply_where_hooks_do_not_fit() { fake_base kdir && sed -i s/two/2/ kdir/mm/Makefile && refused 'does not fit'; }
t_apply_without_the_hooked_file() { fake_base kdir && rm kdir/mm/Makefile && refused 'the base has no mm/Makefile'; }

t_apply_to_git_where_hooks_do_not_fit()
{
	git_kdir && sed -i s/two/2/ kdir/mm/Makefile && git -C kdir add -f mm/Makefile &&
		git -C kdir -c user.name=x -c user.email=x -c commit.gpgsign=false commit -qm y &&
		refused 'does not fit'
}

t_apply_to_git_with_changes() { git_kdir && echo >> kdir/mm/page_alloc.c && refused 'not committed'; }

# Not as root, who may write anywhere: a directory in the way does it for all.
t_apply_that_cannot_write_undoes()
{
	fake_base kdir && mkdir kdir/mm/.contig-new-Makefile && refused 'as it was'
}

# --- make deb --------------------------------------------------------------------------

# deb SYMBOL OPTION: from a tree whose make packs a kernel that has these
deb()
{
	tree && printf '#!/bin/sh\n' > build/linux/scripts/config && chmod +x build/linux/scripts/config &&
		printf '%s\n' "$2" > conf && cat > build/linux/Makefile <<-EOF
			.RECIPEPREFIX = >
			boot = \$(O)/kernel/boot
			olddefconfig:
			bindeb-pkg:
			> mkdir -p \$(boot) \$(O)/kernel/DEBIAN
			> cp \$(O)/.config \$(boot)/config-7.3.4-contig
			> echo image > \$(boot)/vmlinuz-7.3.4-contig
			> echo '0 T $1' > \$(boot)/System.map-7.3.4-contig
			> printf '%s\n' 'Package: linux-image-7.3.4-contig' 'Version: 1' 'Architecture: all' \
			  'Maintainer: x <x@x>' 'Description: x' > \$(O)/kernel/DEBIAN/control
			> dpkg-deb -b \$(O)/kernel \$(O)/..
		EOF
	CONFIG=conf series/deb.sh > out 2>&1
}

t_deb_holds_a_kernel()
{
	deb contig_take CONFIG_CONTIG_ENGINE=y &&
		grep -q 'INSTALL *apt install ./build/deb/linux-image-7.3.4-contig_1_all.deb' out
}

t_deb_without_the_series() { fails 'is not one with the series' deb other CONFIG_CONTIG_ENGINE=y; }
t_deb_of_what_needs_no_engine() { fails 'has no user of contiguous memory' deb contig_take CONFIG_MMU=y; }
t_deb_of_no_configuration() { tree && CONFIG=none fails 'no such file' series/deb.sh; }

# --- make series ----------------------------------------------------------------------

mails() { series/mail.py > out 2>&1; }

t_mails_make_the_same_tree()
{
	tree && mails && [ "$(find build/series -name '*.patch' | wc -l)" = 2 ] &&
		git clone -q -c core.autocrlf=false build/linux again 2>> out && git -C again checkout -q base &&
		git -C again -c user.name=x -c user.email=x -c commit.gpgsign=false \
			-c apply.whitespace=nowarn am -q --keep-cr "$PWD"/build/series/v1-*.patch >> out 2>&1 &&
		[ "$(git -C again rev-parse 'HEAD^{tree}')" = "$(git_linux rev-parse 'HEAD^{tree}')" ] &&
		grep -q '^base-commit: ' build/series/v1-0001* && ! grep -rq 'Signed-off-by' build/series
}

t_cover_letter()
{
	printf '# mm: a thing\n\nWhy.\n' > series/cover.md && tree && mails &&
		grep -q '^Subject: \[PATCH v1 0/2\] mm: a thing' build/series/v1-0000* && grep -qx 'Why.' build/series/v1-0000*
}

t_unfinished_cover_letter()
{
	printf '# mm: a thing\n\nTODO: numbers\n' > series/cover.md && tree && fails 'unfinished' mails
}

# figures KIND: what stands for it in the letter
figures()
{
	printf '# mm: a thing\n\nBefore.\n\n{%b\n\nAfter.\n' "$1" > series/cover.md
	cat > series/figures.json <<-'EOF'
		{"bench": {"rows": [{"boot": "one", "scenario": "s", "unit": "ns", "ratio": 12.5,
		  "intree": {"min": 900, "median": 1000, "max": 1100}, "contig": {"min": 80, "median": 80, "max": 80}},
		 {"boot": "uml", "scenario": "s", "unit": "ns", "ratio": 0.5,
		  "intree": {"min": 7, "median": 7, "max": 7}, "contig": {"min": 14, "median": 14, "max": 14}}]},
		 "costs": {"before": {"sizes": {"mm/page_alloc.o": 5000, "mm/cma.o": 10}, "stack": {"old": 300, "both": 9}},
		  "after": {"sizes": {"mm/page_alloc.o": 1000, "mm/cma.o": 10, "mm/contig/a.o": 7, "mm/contig/ddi.o": 2},
		   "stack": {"new": 400, "both": 9}},
		  "bloat": {"add": 2, "remove": 1, "grow": 0, "shrink": 3, "up": 7000, "down": 4000}}}
	EOF
	tree && mails
}

t_figures_of_a_bench()
{
	figures 'bench}\ns@one  a title\n' && grep -qE '^  a title +1,000  20% +80   0%    12x$' build/series/v1-0000* &&
		grep -qx After. build/series/v1-0000*
}

t_figures_of_what_got_slower()
{
	mkdir -p bench && printf '[scenario.s]\ntitle = "taken"\n' > bench/scenarios.toml &&
		figures 'slower}' && grep -qE '^  taken \(native, ns\) +7   0% +14   0%  0.50x$' build/series/v1-0000* &&
		[ "$(grep -c taken build/series/v1-0000*)" = 1 ]
}

t_figures_of_the_code()
{
	figures 'code}' && grep -qE '^  mm/page_alloc.o +5,000 +1,000 +-4,000$' build/series/v1-0000* &&
		grep -qE '^  mm/contig +0 +7 +\+7$' build/series/v1-0000* && grep -qE 'DDI.* 0 +2 ' build/series/v1-0000*
}

t_figures_of_bloat()
{
	figures 'bloat}' && tr '\n' ' ' < build/series/v1-0000* > letter &&
		grep -q 'add/remove: 2/1 grow/shrink: 0/3 up/down: 7,000/-4,000 (+3,000)' letter
}

t_figures_of_the_stack()
{
	figures 'stack}' && grep -qE '^  base +old\(\) +300$' build/series/v1-0000* && ! grep -q 'both' build/series/v1-0000*
}

t_figures_that_nobody_measured()
{
	printf '# mm: a thing\n\n{bench}\ns  a title\n' > series/cover.md && tree && fails 'there are no figures for {bench}' mails
}

t_figures_of_no_kind() { printf '# mm: a thing\n\n{beer}\n' > series/cover.md && tree && fails 'no such figures' mails; }
t_letter_too_wide() { printf '# mm: a thing\n\n%080d\n' 1 > series/cover.md && tree && fails '80 columns' mails; }

# ------------------------------------------------------------------------------------------

mapfile -t cases < <(declare -F | awk '$3 ~ /^t_/ { print $3 }')
echo 'TAP version 13'
echo "1..${#cases[@]}"
failed=0
for i in "${!cases[@]}"; do
	mkdir "$tmp/$i"
	name=${cases[$i]#t_}
	if (cd "$tmp/$i" && fake_project && "${cases[$i]}"); then
		echo "ok $((i + 1)) ${name//_/ }"
	else
		echo "not ok $((i + 1)) ${name//_/ }"
		sed 's/^/# /' "$tmp/$i/out"
		failed=1
	fi
	rm -rf "${tmp:?}/$i"
done
exit "$failed"
