// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A path-compressed binary trie over 128 bits. One pointer makes a new node
 * reachable, so readers see the trie with it or without it, never in between.
 */
#include "classifier_trie.h"
#include "classifier_list.h"

#include <endian.h>
#include <string.h>

#include <errno.h>

#define BITS 128

/* ---- keys ------------------------------------------------------------------- */

static unsigned leading_zeros(uint64_t hi, uint64_t lo)
{
	if (hi)
		return (unsigned)__builtin_clzll(hi);
	return lo ? 64 + (unsigned)__builtin_clzll(lo) : BITS;
}

static uint64_t mask_of_word(unsigned bits)
{
	return bits >= 64 ? UINT64_MAX : bits ? ~(UINT64_MAX >> bits) : 0;
}

static uint64_t mask_hi(unsigned len)
{
	return mask_of_word(len);
}

static uint64_t mask_lo(unsigned len)
{
	return len > 64 ? mask_of_word(len - 64) : 0;
}

static unsigned bit_at(uint64_t hi, uint64_t lo, unsigned position)
{
	return position < 64 ? hi >> (63 - position) & 1 : lo >> (127 - position) & 1;
}

struct trie_key trie_address(const union dpu_ip *ip)
{
	return (struct trie_key){be64toh(ip->q[0]), be64toh(ip->q[1]), BITS};
}

union dpu_ip trie_ip(uint64_t hi, uint64_t lo)
{
	return (union dpu_ip){.q = {htobe64(hi), htobe64(lo)}};
}

int trie_key_of(const union dpu_ip *ip, const union dpu_ip *mask, struct trie_key *ret_key)
{
	const struct trie_key bits = trie_address(mask);
	struct trie_key key = trie_address(ip);

	key.len = (uint8_t)leading_zeros(~bits.hi, ~bits.lo);
	if (bits.hi != mask_hi(key.len) || bits.lo != mask_lo(key.len))
		return -EINVAL;
	if (key.hi & ~bits.hi || key.lo & ~bits.lo)
		return -EINVAL;
	*ret_key = key;
	return 0;
}

/*
 * 129 lengths on 64 bits, in order. Every IPv4 length has a bit of its own; IPv6
 * lengths below 96 share one among four.
 */
static uint8_t peer_bit(unsigned len)
{
	if (len >= 96)
		return (uint8_t)(len - 96 + 25);
	return (uint8_t)(len ? 1 + (len - 1) / 4 : 0);
}

/* ---- nodes ------------------------------------------------------------------ */

static uint32_t new_node(struct classifier *classifier, struct trie_key key, bool is_prefix, int *ret_err)
{
	uint32_t at = classifier_alloc(classifier, 1, ret_err);

	if (at)
		classifier->cells[at].node = (struct dpu_cls_node){
			.hi = key.hi & mask_hi(key.len),
			.lo = key.lo & mask_lo(key.len),
			.mask_hi = mask_hi(key.len),
			.mask_lo = mask_lo(key.len),
			.prio = UINT64_MAX,
			.len = key.len,
			.is_prefix = is_prefix,
			.bit = peer_bit(key.len),
		};
	return at;
}

uint32_t trie_new(struct classifier *classifier, int *ret_err)
{
	return new_node(classifier, (struct trie_key){0}, false, ret_err);
}

static unsigned common_length(const struct dpu_cls_node *node, struct trie_key key)
{
	unsigned same = leading_zeros(node->hi ^ key.hi, node->lo ^ key.lo);
	unsigned limit = node->len < key.len ? node->len : key.len;

	return same < limit ? same : limit;
}

/* Where a prefix is, or belongs: below `parent`, whose child on that side does not lead to it. */
struct place {
	uint32_t node;	 /* that has exactly this prefix, or 0 */
	uint32_t parent;
	uint32_t up;	 /* nearest prefix that contains it */
	unsigned common; /* with that child, if there is one */
};

static struct place find_place(const union dpu_cls_cell *cells, uint32_t root, struct trie_key key)
{
	struct place place = {.parent = root};
	uint32_t at = root;

	while (cells[at].node.len < key.len) {
		const struct dpu_cls_node *node = &cells[at].node;
		uint32_t child = node->child[bit_at(key.hi, key.lo, node->len)];

		place.parent = at;
		if (node->is_prefix)
			place.up = at;
		if (!child)
			return place;
		place.common = common_length(&cells[child].node, key);
		if (place.common < cells[child].node.len)
			return place;
		at = child;
	}
	place.node = at;
	return place;
}

/* Puts a node between the parent and its child on the key's side, if it has one. */
static void link_below(union dpu_cls_cell *cells, uint32_t parent, uint32_t at)
{
	struct dpu_cls_node *node = &cells[at].node;
	uint32_t *slot = &cells[parent].node.child[bit_at(node->hi, node->lo, cells[parent].node.len)];

	if (*slot) {
		const struct dpu_cls_node *below = &cells[*slot].node;

		node->child[bit_at(below->hi, below->lo, node->len)] = *slot;
	}
	__atomic_store_n(slot, at, __ATOMIC_RELEASE);
}

/* A fork that has the old child on one side and a new leaf on the other. */
static uint32_t add_fork(struct classifier *classifier, const struct place *place, struct trie_key key,
			 int *ret_err)
{
	struct trie_key shared = {key.hi, key.lo, (uint8_t)place->common};
	uint32_t leaf = new_node(classifier, key, true, ret_err);
	uint32_t fork = leaf ? new_node(classifier, shared, false, ret_err) : 0;

	if (!fork)
		return 0;
	classifier->cells[leaf].node.up = place->up;
	classifier->cells[fork].node.child[bit_at(key.hi, key.lo, shared.len)] = leaf;
	link_below(classifier->cells, place->parent, fork);
	return leaf;
}

static uint32_t add_at(struct classifier *classifier, const struct place *place, struct trie_key key,
		       int *ret_err)
{
	const struct dpu_cls_node *parent = &classifier->cells[place->parent].node;
	uint32_t at;

	if (parent->child[bit_at(key.hi, key.lo, parent->len)] && place->common < key.len)
		return add_fork(classifier, place, key, ret_err);
	at = new_node(classifier, key, true, ret_err);
	if (!at)
		return 0;
	classifier->cells[at].node.up = place->up;
	link_below(classifier->cells, place->parent, at);
	return at;
}

/* Depth of the recursion: at most one level per bit. */
void trie_link(union dpu_cls_cell *cells, uint32_t at, uint32_t up)
{
	struct dpu_cls_node *node = &cells[at].node;

	if (node->is_prefix) {
		__atomic_store_n(&node->up, up, __ATOMIC_RELEASE);
		up = at;
	}
	for (int side = 0; side < 2; side++)
		if (node->child[side])
			trie_link(cells, node->child[side], up);
}

/* The prefixes right below a new one: whatever they had above them contains it. */
static void link_beneath(union dpu_cls_cell *cells, uint32_t at, uint32_t up)
{
	const struct dpu_cls_node *node = &cells[at].node;

	for (int side = 0; side < 2; side++) {
		uint32_t child = node->child[side];

		if (child && cells[child].node.is_prefix)
			__atomic_store_n(&cells[child].node.up, up, __ATOMIC_RELEASE);
		else if (child)
			link_beneath(cells, child, up);
	}
}

uint32_t trie_add(struct classifier *classifier, uint32_t root, struct trie_key key, bool linked,
		  int *ret_err)
{
	struct place place = find_place(classifier->cells, root, key);
	struct dpu_cls_node *node = &classifier->cells[place.node].node;
	uint32_t at = place.node;

	if (at && node->is_prefix)
		return at;
	if (at) {
		node->up = place.up;
		__atomic_store_n(&node->is_prefix, 1, __ATOMIC_RELEASE);
	} else {
		at = add_at(classifier, &place, key, ret_err);
	}
	if (at && linked)
		link_beneath(classifier->cells, at, at);
	return at;
}

/* ---- looking up ------------------------------------------------------------- */

uint32_t trie_find(const union dpu_cls_cell *cells, uint32_t root, struct trie_key key)
{
	uint32_t at = find_place(cells, root, key).node;

	return at && cells[at].node.is_prefix ? at : 0;
}

uint32_t trie_match(const union dpu_cls_cell *cells, uint32_t root, struct trie_key address)
{
	uint32_t found = 0;

	for (uint32_t at = root; at;) {
		const struct dpu_cls_node *node = &cells[at].node;

		if ((address.hi & node->mask_hi) != node->hi || (address.lo & node->mask_lo) != node->lo)
			break;
		if (node->is_prefix)
			found = at;
		if (node->len == BITS)
			break;
		at = node->child[bit_at(address.hi, address.lo, node->len)];
	}
	return found;
}
