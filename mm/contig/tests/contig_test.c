// SPDX-License-Identifier: GPL-2.0
/*
 * The KUnit suite of the contiguous range engine: the list of its cases.
 *
 * They run in the kernel that is booted, on its real memory, and want it quiet:
 * what they measure to the page is the window that each of them opens, see
 * fixtures.h.
 */
#include <kunit/test.h>

#include "tests.h"

static struct kunit_case contig_cases[] = {
	/* claim_test.c */
	KUNIT_CASE_PARAM(contig_test_sizes, contig_sizes_next),
	KUNIT_CASE(contig_test_pcp_pages),
	KUNIT_CASE(contig_test_pcp_pages_here),
	KUNIT_CASE(contig_test_exact_counters),
	KUNIT_CASE(contig_test_ends),
	KUNIT_CASE(contig_test_inside_buddy),
	KUNIT_CASE(contig_test_free_fragments),
	KUNIT_CASE(contig_test_zero),
	KUNIT_CASE(contig_test_compound),
	KUNIT_CASE(contig_test_good_gfp),
	KUNIT_CASE(contig_test_nowait_locked),
	KUNIT_CASE(contig_test_cma_blocks),
	KUNIT_CASE(contig_test_departing),
	KUNIT_CASE(contig_test_departed),
#ifdef CONFIG_MEMORY_FAILURE
	KUNIT_CASE(contig_test_goes_bad),
	KUNIT_CASE(contig_test_goes_bad_in_vain),
#endif

	/* request_test.c */
	KUNIT_CASE_PARAM(contig_test_bad_request, contig_bad_requests_next),
	KUNIT_CASE(contig_test_comp_too_large),
	KUNIT_CASE(contig_test_not_present),
	KUNIT_CASE(contig_test_runs_out),
	KUNIT_CASE(contig_test_zone_boundary),
	KUNIT_CASE(contig_test_reserved),
	KUNIT_CASE(contig_test_slab),
	KUNIT_CASE(contig_test_page_table),
	KUNIT_CASE(contig_test_taken_frozen),
	KUNIT_CASE(contig_test_cma_mismatch),
	KUNIT_CASE(contig_test_known_stays),
	KUNIT_CASE(contig_test_cma_block_is_kept),
	KUNIT_CASE(contig_test_cma_block_comes_back),
	KUNIT_CASE(contig_test_isolated_by_others),
	KUNIT_CASE(contig_test_would_block),
	KUNIT_CASE(contig_test_hugetlb),
	KUNIT_CASE(contig_test_free_hugetlb),
	KUNIT_CASE(contig_test_beside_zone),

	/* evacuate_test.c */
	KUNIT_CASE(contig_test_moves_content),
	KUNIT_CASE(contig_test_part_of_block),
	KUNIT_CASE(contig_test_helpers),
	KUNIT_CASE(contig_test_moves_scattered),
	KUNIT_CASE(contig_test_isolates_little),
	KUNIT_CASE(contig_test_moves_in_cma),
	KUNIT_CASE(contig_test_drops_clean_cache),
	KUNIT_CASE(contig_test_large_folios),
	KUNIT_CASE(contig_test_inside_folio),
	KUNIT_CASE(contig_test_crossing_folio),
	KUNIT_CASE(contig_test_nofs),
	KUNIT_CASE(contig_test_page_in_transit),
	KUNIT_CASE(contig_test_survey_kernel_page),
	KUNIT_CASE(contig_test_survey_compound),
	KUNIT_CASE(contig_test_survey_slab_page),
	KUNIT_CASE(contig_test_survey_dma_pin),
	KUNIT_CASE(contig_test_held_cache),
	KUNIT_CASE(contig_test_no_memory),
	KUNIT_CASE(contig_test_anon),
	KUNIT_CASE(contig_test_held_anon),

	/* turn_test.c */
	KUNIT_CASE(contig_test_same_block),
	KUNIT_CASE(contig_test_turn_of_impatient),
	KUNIT_CASE(contig_test_claim_is_let_go),
	KUNIT_CASE(contig_test_other_block),
	KUNIT_CASE(contig_test_crowd),
	KUNIT_CASE(contig_test_interrupted),
	KUNIT_CASE(contig_test_interrupted_search),
	KUNIT_CASE(contig_test_killed_waiter),

	/* wait_test.c */
	KUNIT_CASE(contig_test_terms),
	KUNIT_CASE(contig_test_in_hardirq),
	KUNIT_CASE(contig_test_in_softirq),
	KUNIT_CASE(contig_test_nowait_drains),
	KUNIT_CASE(contig_test_short_pin),
	KUNIT_CASE(contig_test_long_pin),
	KUNIT_CASE(contig_test_impatient),
	KUNIT_CASE(contig_test_waited),
	KUNIT_CASE(contig_test_late_pin),
	KUNIT_CASE(contig_test_late_batch),
	KUNIT_CASE(contig_test_frozen_page),
	KUNIT_CASE(contig_test_killed_while_waiting),
	KUNIT_CASE(contig_test_kinds_that_stay),
	KUNIT_CASE(contig_test_kinds_that_pass),

	/* calls_test.c */
	KUNIT_CASE(contig_test_range_calls),
	KUNIT_CASE(contig_test_pages_calls),
	KUNIT_CASE(contig_test_calls_quietly),
	KUNIT_CASE(contig_test_taken_refcounted),
	KUNIT_CASE(contig_test_misuse_warns),
	KUNIT_CASE(contig_test_cma_area),
	KUNIT_CASE(contig_test_caller_name),

	/* free_test.c */
	KUNIT_CASE(contig_test_free_parts),
	KUNIT_CASE(contig_test_free_single_pages),
	KUNIT_CASE(contig_test_free_held_page),
	KUNIT_CASE(contig_test_free_clears),
	KUNIT_CASE(contig_test_free_empty),
	KUNIT_CASE(contig_test_double_free),
	KUNIT_CASE(contig_test_double_free_refcounted),
	KUNIT_CASE(contig_test_foreign_free),
	KUNIT_CASE(contig_test_free_compound),
	KUNIT_CASE(contig_test_free_no_compound),

	/* secret_test.c */
	KUNIT_CASE(contig_test_secrets),
	KUNIT_CASE(contig_test_secrets_found),
#ifdef CONFIG_KASAN_GENERIC
	KUNIT_CASE(contig_test_poison),
	KUNIT_CASE(contig_test_poison_after_failure),
#endif

	/* find_test.c */
	KUNIT_CASE(contig_test_many_walks),
	KUNIT_CASE(contig_test_few_places),

	/* search_test.c */
	KUNIT_CASE(contig_test_bad_search),
	KUNIT_CASE_PARAM(contig_test_constraints, contig_amounts_next),
	KUNIT_CASE_PARAM(contig_test_bad_wish, contig_bad_wishes_next),
	KUNIT_CASE(contig_test_bad_wish_compound),
	KUNIT_CASE(contig_test_only_run),
	KUNIT_CASE(contig_test_only_movable_run),
	KUNIT_CASE(contig_test_cheapest),
	KUNIT_CASE(contig_test_only_place),
	KUNIT_CASE(contig_test_skips_held),
	KUNIT_CASE(contig_test_most),
	KUNIT_CASE(contig_test_most_movable),

	/* map_test.c */
	KUNIT_CASE(contig_test_last_block),
	KUNIT_CASE(contig_test_holes),
	KUNIT_CASE(contig_test_map_departed),
	KUNIT_CASE(contig_test_map_late),

	/* block_test.c */
	KUNIT_CASE(contig_test_forms_of_buddy),
	KUNIT_CASE(contig_test_buddy_rest),
	KUNIT_CASE(contig_test_forms_of_runs),
	KUNIT_CASE(contig_test_forms_planned),
	KUNIT_CASE(contig_test_alloc_locked),
	KUNIT_CASE(contig_test_free_exactly),
	KUNIT_CASE(contig_test_free_elsewhere),
	KUNIT_CASE(contig_test_free_block_held),
	KUNIT_CASE(contig_test_free_block_compound),
	KUNIT_CASE(contig_test_limits),
	KUNIT_CASE(contig_test_limits_far),
	KUNIT_CASE(contig_test_query_moves),
	KUNIT_CASE(contig_test_query_busy),
	KUNIT_CASE(contig_test_query_atomic),
	KUNIT_CASE(contig_test_query_size),
	KUNIT_CASE(contig_test_gone),

	/* random_test.c */
	KUNIT_CASE(contig_test_random),

	{}
};

static struct kunit_suite contig_suite = {
	.name = "contig",
	.test_cases = contig_cases,
};

kunit_test_suite(contig_suite);
