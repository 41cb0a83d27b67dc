/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The cases of the suite, by the file they are in.
 */
#ifndef _MM_CONTIG_TESTS_TESTS_H
#define _MM_CONTIG_TESTS_TESTS_H

struct kunit;

/* claim_test.c */
const void *contig_sizes_next(struct kunit *test, const void *prev, char *desc);
void contig_test_sizes(struct kunit *test);
void contig_test_pcp_pages(struct kunit *test);
void contig_test_pcp_pages_here(struct kunit *test);
void contig_test_exact_counters(struct kunit *test);
void contig_test_ends(struct kunit *test);
void contig_test_inside_buddy(struct kunit *test);
void contig_test_free_fragments(struct kunit *test);
void contig_test_zero(struct kunit *test);
void contig_test_compound(struct kunit *test);
void contig_test_good_gfp(struct kunit *test);
void contig_test_nowait_locked(struct kunit *test);
void contig_test_cma_blocks(struct kunit *test);
void contig_test_departing(struct kunit *test);
void contig_test_departed(struct kunit *test);

#ifdef CONFIG_MEMORY_FAILURE
void contig_test_goes_bad(struct kunit *test);
void contig_test_goes_bad_in_vain(struct kunit *test);
#endif

/* request_test.c */
const void *contig_bad_requests_next(struct kunit *test, const void *prev,
				     char *desc);
void contig_test_bad_request(struct kunit *test);
void contig_test_comp_too_large(struct kunit *test);
void contig_test_not_present(struct kunit *test);
void contig_test_runs_out(struct kunit *test);
void contig_test_zone_boundary(struct kunit *test);
void contig_test_reserved(struct kunit *test);
void contig_test_slab(struct kunit *test);
void contig_test_page_table(struct kunit *test);
void contig_test_taken_frozen(struct kunit *test);
void contig_test_cma_mismatch(struct kunit *test);
void contig_test_known_stays(struct kunit *test);
void contig_test_cma_block_is_kept(struct kunit *test);
void contig_test_cma_block_comes_back(struct kunit *test);
void contig_test_isolated_by_others(struct kunit *test);
void contig_test_would_block(struct kunit *test);
void contig_test_hugetlb(struct kunit *test);
void contig_test_free_hugetlb(struct kunit *test);
void contig_test_beside_zone(struct kunit *test);

/* evacuate_test.c */
void contig_test_moves_content(struct kunit *test);
void contig_test_part_of_block(struct kunit *test);
void contig_test_helpers(struct kunit *test);
void contig_test_moves_scattered(struct kunit *test);
void contig_test_isolates_little(struct kunit *test);
void contig_test_moves_in_cma(struct kunit *test);
void contig_test_drops_clean_cache(struct kunit *test);
void contig_test_large_folios(struct kunit *test);
void contig_test_inside_folio(struct kunit *test);
void contig_test_crossing_folio(struct kunit *test);
void contig_test_nofs(struct kunit *test);
void contig_test_page_in_transit(struct kunit *test);
void contig_test_survey_kernel_page(struct kunit *test);
void contig_test_survey_compound(struct kunit *test);
void contig_test_survey_slab_page(struct kunit *test);
void contig_test_survey_dma_pin(struct kunit *test);
void contig_test_held_cache(struct kunit *test);
void contig_test_no_memory(struct kunit *test);
void contig_test_anon(struct kunit *test);
void contig_test_held_anon(struct kunit *test);

/* turn_test.c */
void contig_test_same_block(struct kunit *test);
void contig_test_turn_of_impatient(struct kunit *test);
void contig_test_claim_is_let_go(struct kunit *test);
void contig_test_other_block(struct kunit *test);
void contig_test_crowd(struct kunit *test);
void contig_test_interrupted(struct kunit *test);
void contig_test_interrupted_search(struct kunit *test);
void contig_test_killed_waiter(struct kunit *test);

/* wait_test.c */
void contig_test_terms(struct kunit *test);
void contig_test_in_hardirq(struct kunit *test);
void contig_test_in_softirq(struct kunit *test);
void contig_test_nowait_drains(struct kunit *test);
void contig_test_short_pin(struct kunit *test);
void contig_test_long_pin(struct kunit *test);
void contig_test_impatient(struct kunit *test);
void contig_test_waited(struct kunit *test);
void contig_test_late_pin(struct kunit *test);
void contig_test_late_batch(struct kunit *test);
void contig_test_frozen_page(struct kunit *test);
void contig_test_killed_while_waiting(struct kunit *test);
void contig_test_kinds_that_stay(struct kunit *test);
void contig_test_kinds_that_pass(struct kunit *test);

/* calls_test.c */
void contig_test_range_calls(struct kunit *test);
void contig_test_pages_calls(struct kunit *test);
void contig_test_calls_quietly(struct kunit *test);
void contig_test_taken_refcounted(struct kunit *test);
void contig_test_misuse_warns(struct kunit *test);
void contig_test_cma_area(struct kunit *test);
void contig_test_caller_name(struct kunit *test);

/* free_test.c */
void contig_test_free_parts(struct kunit *test);
void contig_test_free_single_pages(struct kunit *test);
void contig_test_free_held_page(struct kunit *test);
void contig_test_free_clears(struct kunit *test);
void contig_test_free_empty(struct kunit *test);
void contig_test_double_free(struct kunit *test);
void contig_test_double_free_refcounted(struct kunit *test);
void contig_test_foreign_free(struct kunit *test);
void contig_test_free_compound(struct kunit *test);
void contig_test_free_no_compound(struct kunit *test);

/* find_test.c */
void contig_test_many_walks(struct kunit *test);
void contig_test_few_places(struct kunit *test);

/* search_test.c */
void contig_test_bad_search(struct kunit *test);
const void *contig_amounts_next(struct kunit *test, const void *prev,
				char *desc);
const void *contig_bad_wishes_next(struct kunit *test, const void *prev,
				   char *desc);
void contig_test_constraints(struct kunit *test);
void contig_test_bad_wish(struct kunit *test);
void contig_test_bad_wish_compound(struct kunit *test);
void contig_test_only_run(struct kunit *test);
void contig_test_only_movable_run(struct kunit *test);
void contig_test_cheapest(struct kunit *test);
void contig_test_only_place(struct kunit *test);
void contig_test_skips_held(struct kunit *test);
void contig_test_most(struct kunit *test);
void contig_test_most_movable(struct kunit *test);

/* map_test.c */
void contig_test_last_block(struct kunit *test);
void contig_test_holes(struct kunit *test);
void contig_test_map_departed(struct kunit *test);
void contig_test_map_late(struct kunit *test);

/* block_test.c */
void contig_test_forms_of_buddy(struct kunit *test);
void contig_test_buddy_rest(struct kunit *test);
void contig_test_forms_of_runs(struct kunit *test);
void contig_test_forms_planned(struct kunit *test);
void contig_test_alloc_locked(struct kunit *test);
void contig_test_free_exactly(struct kunit *test);
void contig_test_free_elsewhere(struct kunit *test);
void contig_test_free_block_held(struct kunit *test);
void contig_test_free_block_compound(struct kunit *test);
void contig_test_limits(struct kunit *test);
void contig_test_limits_far(struct kunit *test);
void contig_test_query_moves(struct kunit *test);
void contig_test_query_busy(struct kunit *test);
void contig_test_query_atomic(struct kunit *test);
void contig_test_query_size(struct kunit *test);
void contig_test_gone(struct kunit *test);

/* secret_test.c */
void contig_test_secrets(struct kunit *test);
void contig_test_secrets_found(struct kunit *test);
void contig_test_poison(struct kunit *test);
void contig_test_poison_after_failure(struct kunit *test);

/* fault_client_test.c */
void contig_test_fault_search(struct kunit *test);
void contig_test_fault_shortage(struct kunit *test);
void contig_test_fault_sizes(struct kunit *test);
void contig_test_fault_buddy(struct kunit *test);
void contig_test_fault_order(struct kunit *test);
void contig_test_fault_dma(struct kunit *test);
void contig_test_fault_ddi(struct kunit *test);

/* step_test.c */
const void *contig_steps_next(struct kunit *test, const void *prev, char *desc);
void contig_test_step_signal(struct kunit *test);
void contig_test_step_search(struct kunit *test);
void contig_test_step_taken(struct kunit *test);
void contig_test_step_freed(struct kunit *test);
void contig_test_step_nap(struct kunit *test);
void contig_test_step_helpers(struct kunit *test);
void contig_test_step_taken_nowait(struct kunit *test);
void contig_test_step_pinned(struct kunit *test);
void contig_test_step_owned(struct kunit *test);
void contig_test_step_isolated(struct kunit *test);
void contig_test_step_settled(struct kunit *test);

/* chance_test.c */
const void *contig_scenes_next(struct kunit *test, const void *prev,
			       char *desc);
void contig_test_nth(struct kunit *test);
void contig_test_chance(struct kunit *test);

/* random_test.c */
void contig_test_random(struct kunit *test);

#endif /* _MM_CONTIG_TESTS_TESTS_H */
