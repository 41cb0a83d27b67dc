// SPDX-License-Identifier: GPL-2.0
/*
 * The pages of others that a request meets, at PFNs of our choice.
 *
 * Page cache of a file without a file system: dirty folios can only be moved,
 * clean ones are dropped. Anonymous memory: mapped by the test's own mm and
 * migrated into the window. Each page holds a pattern that tells it from every
 * other.
 */
#include <kunit/test.h>
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/highmem.h>
#include <linux/hugetlb.h>
#include <linux/migrate.h>
#include <linux/mm.h>
#include <linux/page-isolation.h>
#include <linux/mman.h>
#include <linux/pagemap.h>
#include <linux/swap.h>

#include "../../internal.h"
#include "fixtures.h"

#define CONTIG_WORDS	(PAGE_SIZE / sizeof(u64))

/* === Patterns === */

static u64 contig_word(unsigned long index, unsigned int word)
{
	return (((u64)index << 16) + word + 1) * 0x9e3779b97f4a7c15ULL;
}

static void contig_write_pattern(struct page *page, unsigned long index)
{
	u64 *words = kmap_local_page(page);

	for (unsigned int word = 0; word < CONTIG_WORDS; word++)
		words[word] = contig_word(index, word);
	kunmap_local(words);
}

static bool contig_pattern_is_intact(struct page *page, unsigned long index)
{
	u64 *words = kmap_local_page(page);
	bool intact = true;

	for (unsigned int word = 0; word < CONTIG_WORDS; word++)
		intact &= words[word] == contig_word(index, word);
	kunmap_local(words);
	return intact;
}

/* === Page cache === */

static const struct file_operations contig_cache_fops = {};

static const struct address_space_operations contig_cache_aops = {
	.dirty_folio = noop_dirty_folio,
	.migrate_folio = filemap_migrate_folio,
};

static void contig_cache_drop(void *data)
{
	struct contig_cache *cache = data;

	truncate_inode_pages(cache->file->f_mapping, 0);
	__fput_sync(cache->file);
}

/* Drop all of the cache; the pages are free again. */
void contig_cache_close(struct contig_cache *cache)
{
	kunit_release_action(cache->window->test, contig_cache_drop, cache);
}

struct contig_cache *contig_cache_open(struct contig_window *window, bool dirty)
{
	struct kunit *test = window->test;
	struct contig_cache *cache;

	cache = kunit_kzalloc(test, sizeof(*cache), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, cache);
	cache->window = window;
	cache->dirty = dirty;
	cache->file = anon_inode_create_getfile("[contig]", &contig_cache_fops,
						NULL, O_RDWR, NULL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, cache->file);
	cache->file->f_mapping->a_ops = &contig_cache_aops;
	/* A folio that is split loses what lies behind the end of its file. */
	i_size_write(file_inode(cache->file), MAX_LFS_FILESIZE);
	mapping_set_large_folios(cache->file->f_mapping);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, contig_cache_drop,
						  cache));
	return cache;
}

/* A folio of the window's pages at @pfn, with one reference. */
static struct folio *contig_window_folio(struct contig_window *window,
					 unsigned long pfn, unsigned int order)
{
	unsigned long end = pfn + (1UL << order);

	if (!order)
		return page_folio(contig_window_hand_out(window, pfn));

	contig_window_release(window, pfn, end);
	contig_expect_taken(window, pfn, end,
			    is_migrate_cma(window->type) ? ACR_FLAGS_CMA :
							   ACR_FLAGS_NONE,
			    GFP_KERNEL | __GFP_COMP);
	bitmap_clear(window->held, pfn - window->start, 1UL << order);
	set_page_refcounted(pfn_to_page(pfn));
	return page_rmappable_folio(pfn_to_page(pfn));
}

/* Put the held pages at @pfn into the cache as one folio. */
struct folio *contig_cache_put(struct contig_cache *cache, unsigned long pfn,
			       unsigned int order)
{
	struct address_space *mapping = cache->file->f_mapping;
	struct kunit *test = cache->window->test;
	struct folio *folio;
	pgoff_t index;

	folio = contig_window_folio(cache->window, pfn, order);
	index = ALIGN(cache->next, 1UL << order);
	for (unsigned long i = 0; i < 1UL << order; i++)
		contig_write_pattern(folio_page(folio, i), index + i);
	KUNIT_ASSERT_EQ(test, 0, filemap_add_folio(mapping, folio, index,
						   GFP_KERNEL));
	folio_mark_uptodate(folio);
	if (cache->dirty)
		folio_set_dirty(folio);
	folio_unlock(folio);
	folio_put(folio);
	cache->next = index + (1UL << order);
	cache->nr_pages += 1UL << order;
	return folio;
}

/* One folio a page, all of them on the LRU list afterwards. */
void contig_cache_fill(struct contig_cache *cache, unsigned long start,
		       unsigned long end)
{
	for (unsigned long pfn = start; pfn < end; pfn++)
		contig_cache_put(cache, pfn, 0);
	lru_add_drain_all();
}

/* Every page is still there and says what was written to it. */
void contig_cache_check(struct contig_cache *cache)
{
	unsigned long found = 0, spoilt = 0;

	for (pgoff_t index = 0; index < cache->next; index++) {
		struct folio *folio;

		folio = filemap_get_folio(cache->file->f_mapping, index);
		if (IS_ERR(folio))
			continue;
		found++;
		spoilt += !contig_pattern_is_intact(folio_file_page(folio, index),
						    index);
		folio_put(folio);
	}
	KUNIT_EXPECT_EQ(cache->window->test, found, cache->nr_pages);
	KUNIT_EXPECT_EQ(cache->window->test, spoilt, 0UL);
}

/* How many pages of the cache lie in [start, end)? */
unsigned long contig_cache_pages_in(struct contig_cache *cache,
				    unsigned long start, unsigned long end)
{
	unsigned long nr = 0;

	for (pgoff_t index = 0; index < cache->next; index++) {
		struct folio *folio;
		unsigned long pfn;

		folio = filemap_get_folio(cache->file->f_mapping, index);
		if (IS_ERR(folio))
			continue;
		pfn = page_to_pfn(folio_file_page(folio, index));
		nr += pfn >= start && pfn < end;
		folio_put(folio);
	}
	return nr;
}

/* Such a page stays where it is until it is let go of. */
void contig_dma_pin(unsigned long pfn)
{
	folio_ref_add(pfn_folio(pfn), GUP_PIN_COUNTING_BIAS);
}

void contig_dma_unpin(unsigned long pfn)
{
	folio_ref_sub(pfn_folio(pfn), GUP_PIN_COUNTING_BIAS);
}

/* === Anonymous memory === */

struct contig_cursor {
	struct contig_window *window;
	unsigned long pfn;
};

static struct folio *contig_next_target(struct folio *src, unsigned long data)
{
	struct contig_cursor *cursor = (struct contig_cursor *)data;

	return page_folio(contig_window_hand_out(cursor->window, cursor->pfn++));
}

/* Fault one page in and put it on the list of those to be migrated. */
static void contig_anon_gather(struct kunit *test, unsigned long addr,
			       unsigned long index, struct list_head *list)
{
	struct page *page;

	KUNIT_ASSERT_EQ(test, 1, get_user_pages_fast(addr, 1, FOLL_WRITE, &page));
	contig_write_pattern(page, index);
	lru_add_drain_all();
	KUNIT_EXPECT_TRUE(test, isolate_folio_to_list(page_folio(page), list));
	put_page(page);
}

/*
 * Map @nr_pages of anonymous memory that lies in held pages of the window from
 * @pfn on. The test unmaps it itself. Returns the address.
 */
unsigned long contig_anon_map(struct contig_window *window, unsigned long pfn,
			      unsigned long nr_pages)
{
	struct contig_cursor cursor = { .window = window, .pfn = pfn };
	struct kunit *test = window->test;
	unsigned long addr;
	LIST_HEAD(list);

	addr = kunit_vm_mmap(test, NULL, 0, nr_pages * PAGE_SIZE,
			     PROT_READ | PROT_WRITE,
			     MAP_ANONYMOUS | MAP_PRIVATE, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr) || !addr);
	for (unsigned long i = 0; i < nr_pages; i++)
		contig_anon_gather(test, addr + i * PAGE_SIZE, i, &list);
	KUNIT_ASSERT_EQ(test, 0,
			migrate_pages(&list, contig_next_target, NULL,
				      (unsigned long)&cursor, MIGRATE_SYNC,
				      MR_SYSCALL, NULL));
	lru_add_drain_all();
	KUNIT_EXPECT_EQ(test, nr_pages,
			contig_pages_in_use(pfn, pfn + nr_pages));
	return addr;
}

/* The task that cleans up after a test has no mm, and the test's dies late. */
void contig_anon_unmap(struct kunit *test, unsigned long addr,
		       unsigned long nr_pages)
{
	KUNIT_EXPECT_EQ(test, 0, vm_munmap(addr, nr_pages * PAGE_SIZE));
}

/* How many pages of the mapping do not hold what was written to them? */
unsigned long contig_anon_bad_pages(struct kunit *test, unsigned long addr,
				    unsigned long nr_pages)
{
	unsigned long bad = 0;

	for (unsigned long i = 0; i < nr_pages; i++) {
		struct page *page;

		KUNIT_ASSERT_EQ(test, 1,
				get_user_pages_fast(addr + i * PAGE_SIZE, 1, 0,
						    &page));
		bad += !contig_pattern_is_intact(page, i);
		put_page(page);
	}
	return bad;
}

/* === Held pages === */

static enum hrtimer_restart contig_drop_pin(struct hrtimer *timer)
{
	struct contig_pin *pin = container_of(timer, struct contig_pin, timer);

	WRITE_ONCE(pin->dropped, true);
	put_page(pin->page);
	return HRTIMER_NORESTART;
}

/* Hold the page for so long; contig_pin_end() is due in any case. */
void contig_pin_for(struct contig_pin *pin, struct page *page, u64 nsecs)
{
	pin->page = page;
	pin->dropped = false;
	get_page(page);
	hrtimer_setup_on_stack(&pin->timer, contig_drop_pin, CLOCK_MONOTONIC,
			       HRTIMER_MODE_REL);
	hrtimer_start(&pin->timer, ns_to_ktime(nsecs), HRTIMER_MODE_REL);
}

void contig_pin_end(struct contig_pin *pin)
{
	if (hrtimer_cancel(&pin->timer))
		put_page(pin->page);
	destroy_hrtimer_on_stack(&pin->timer);
}

/* One page of so many is in use in all of the window, the others are free. */
struct contig_cache *contig_cache_every(struct contig_window *window, unsigned int step)
{
	struct contig_cache *cache = contig_cache_open(window, true);

	for (unsigned long pfn = window->start; pfn < window->end; pfn += step)
		contig_cache_put(cache, pfn, 0);
	lru_add_drain_all();
	contig_window_release_rest(window);
	return cache;
}

/* === Huge pages === */

/* A page of hugetlb's in nobody's file, and for the time being in no pool. */
struct folio *contig_hugetlb_get(struct kunit *test)
{
	struct hstate *h = size_to_hstate(PMD_SIZE);
	struct folio *folio;

	if (!h)
		kunit_skip(test, "no hugetlb pages of PMD size");
	folio = alloc_hugetlb_folio_nodemask(h, numa_mem_id(), NULL,
					     htlb_alloc_mask(h), false);
	KUNIT_ASSERT_NOT_NULL(test, folio);
	return folio;
}

/* Movable as it is, it may be in the CMA area. */
acr_flags_t contig_hugetlb_flags(struct folio *folio)
{
	return is_migrate_cma_page(&folio->page) ? ACR_FLAGS_CMA : ACR_FLAGS_NONE;
}

/* Into the pool with it: nobody uses it any more. */
void contig_hugetlb_pool(struct folio *folio)
{
	folio_clear_hugetlb_temporary(folio);
	folio_put(folio);
}

/* And out of the pool: the page that is in it, by now maybe another one. */
unsigned long contig_hugetlb_unpool(struct kunit *test)
{
	struct folio *folio = contig_hugetlb_get(test);
	unsigned long pfn = folio_pfn(folio);

	folio_set_hugetlb_temporary(folio);
	folio_put(folio);
	return pfn;
}
