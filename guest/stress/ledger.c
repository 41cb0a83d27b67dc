// SPDX-License-Identifier: GPL-2.0
/*
 * Who owns which page: one word each, the number of the owner's slot plus 1, and
 * 0 for who knows. Entered after the kernel has handed it out and left before the
 * kernel gets it back, so two owners at once are the kernel's fault. Only who is
 * killed cannot leave: what a doomed slot owns may be taken over.
 */
#include "stress.h"

static bool may_be_had(unsigned int owner)
{
	return !owner || shared->slots[owner - 1].doomed;
}

static bool enter_page(unsigned int slot, unsigned long pfn)
{
	unsigned int old = __atomic_exchange_n(&shared->ledger[pfn], slot + 1, __ATOMIC_ACQ_REL);

	if (may_be_had(old))
		return true;
	it_is_wrong(OWNER, "PFN 0x%lx was handed to %u while %u has it", pfn, slot, old - 1);
	return false;
}

bool ledger_enter(unsigned int slot, unsigned long start, unsigned long nr)
{
	if (!start || start + nr > MAX_PFN) {
		it_is_wrong(OWNER, "PFN 0x%lx, %lu pages: no such memory", start, nr);
		return false;
	}
	for (unsigned long i = 0; i < nr; i++)
		if (!enter_page(slot, start + i))
			return false;
	return true;
}

bool ledger_leave(unsigned int slot, unsigned long start, unsigned long nr)
{
	for (unsigned long i = 0; i < nr; i++) {
		unsigned int old = __atomic_exchange_n(&shared->ledger[start + i], 0,
						       __ATOMIC_ACQ_REL);

		if (old == slot + 1)
			continue;
		it_is_wrong(OWNER, "PFN 0x%lx of %u has got the owner %d meanwhile", start + i,
			    slot, (int)old - 1);
		return false;
	}
	return true;
}

/* The first page of a range that somebody owns, or 0. */
unsigned long ledger_owned(unsigned long start, unsigned long nr)
{
	for (unsigned long pfn = start; pfn < start + nr && pfn < MAX_PFN; pfn++)
		if (!may_be_had(__atomic_load_n(&shared->ledger[pfn], __ATOMIC_ACQUIRE)))
			return pfn;
	return 0;
}
