# SPDX-License-Identifier: GPL-2.0
#
# make check: what can be said about the sources without booting them.
# CHECKS='sparse shell ...' runs these only.

CHECK_PACKAGES := $(KERNEL_PACKAGES) git perl python3 sparse shellcheck python3-sphinx mandoc codespell

.PHONY: check
check: base $(if $(filter mails patch,$(CHECKS)),series)
	@series/need.sh $(CHECK_PACKAGES)
	@checks/check.sh $(CHECKS)
