/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* classifier_trie.h - inside the classifier: tries of prefixes, a node per prefix and per fork. */
#pragma once
#include "classifier.h"

struct trie_key {
	uint64_t hi, lo; /* host order */
	uint8_t len;
};

/* -EINVAL: the mask is no prefix, or the address has bits outside of it. */
int trie_key_of(const union dpu_ip *ip, const union dpu_ip *mask, struct trie_key *ret_key);
struct trie_key trie_address(const union dpu_ip *ip);
union dpu_ip trie_ip(uint64_t hi, uint64_t lo);

/* A new trie: its root, or 0. */
uint32_t trie_new(struct classifier *classifier, int *ret_err);
/*
 * The node of a prefix, made if there is none; 0 with *ret_err. Without `linked` the
 * .up of nodes is left open: trie_link() sets them all.
 */
uint32_t trie_add(struct classifier *classifier, uint32_t root, struct trie_key key, bool linked,
		  int *ret_err);
void trie_link(union dpu_cls_cell *cells, uint32_t node, uint32_t up);
/* The node of exactly this prefix, or 0. */
uint32_t trie_find(const union dpu_cls_cell *cells, uint32_t root, struct trie_key key);
/* The longest prefix that contains an address, or 0. */
uint32_t trie_match(const union dpu_cls_cell *cells, uint32_t root, struct trie_key address);
