// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "suite.h"
#include "device.h"
#include "profile.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DOCUMENT "docs/profiles.md"
#define MARK "<!-- reference: made from user/lib/profile_table.c by `make reference` -->\n\n"

static struct profile *parse(const char *text, struct diag *diag)
{
	struct profile *profile = NULL;

	return profile_parse("p.yaml", text, strlen(text), &profile, diag) ? NULL : profile;
}

static void every_row_is_complete(void)
{
	for (int i = 0; i < PROFILE_VALUES; i++) {
		const struct profile_row *row = &profile_keys[i];

		CU_ASSERT_PTR_NOT_NULL_FATAL(row->path);
		CU_ASSERT_PTR_NOT_NULL(strchr(row->path, '.'));
		CU_ASSERT_PTR_NOT_NULL(row->help);
		CU_ASSERT_EQUAL(row->words != NULL, row->kind == PROFILE_WORD || row->kind == PROFILE_SUPPORT);
		if (!row->words)
			CU_ASSERT_TRUE(row->max > row->min);
		for (int j = 0; j < i; j++)
			CU_ASSERT_STRING_NOT_EQUAL(profile_keys[j].path, row->path);
	}
}

static void shipped_profiles_are_right(void)
{
	static const char *const wanted[] = {"bluefield2", "bluefield3", "dash-200g", "ideal", "netronome-xdp", "palo-alto-ito",
					     "pensando", "vsphere8-nsx401", "vsphere8u3"};
	struct diag diag = {0};
	char **names;
	size_t n;

	CU_ASSERT_EQUAL_FATAL(profile_list(&names, &n, &diag), 0);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		struct profile *profile = NULL;
		bool listed = false;

		for (size_t j = 0; j < n; j++)
			listed |= !strcmp(names[j], wanted[i]);
		CU_ASSERT_TRUE(listed);
		CU_ASSERT_EQUAL_FATAL(profile_load(wanted[i], &profile, &diag), 0);
		CU_ASSERT_STRING_EQUAL(profile->name, wanted[i]);
		for (int key = 0; key < PROFILE_VALUES; key++)
			if (profile->value[key].known) {
				CU_ASSERT_PTR_NOT_NULL(profile->value[key].source);
				CU_ASSERT_TRUE(profile->value[key].confidence != CONFIDENCE_NONE);
			}
		profile_free(profile);
	}
	profile_free_names(names, n);
	diag_clear(&diag);
}

/* The figures that tests of the emulation rest on. */
static void documented_figures(void)
{
	struct diag diag = {0};
	struct profile *profile = NULL;

	CU_ASSERT_EQUAL_FATAL(profile_load("palo-alto-ito", &profile, &diag), 0);
	CU_ASSERT_EQUAL(profile_number(profile, PROFILE_CAPACITY, 0), 500000);
	CU_ASSERT_EQUAL(profile_number(profile, PROFILE_INSERTION_RATE, 0), 7000);
	CU_ASSERT_EQUAL(profile_number(profile, PROFILE_CONNECTION_RATE, 0), 20000);
	CU_ASSERT_EQUAL(profile_number(profile, PROFILE_HAIRPIN_BANDWIDTH, 0), 90e9);
	CU_ASSERT_EQUAL(profile_supports(profile, PROFILE_FN_QOS), SUPPORT_UNKNOWN);
	profile_free(profile);
	CU_ASSERT_EQUAL_FATAL(profile_load("vsphere8-nsx401", &profile, &diag), 0);
	CU_ASSERT_EQUAL(profile_supports(profile, PROFILE_FN_QOS), SUPPORT_NO);
	CU_ASSERT_EQUAL(profile_supports(profile, PROFILE_FN_INTERCEPT), SUPPORT_NO);
	CU_ASSERT_EQUAL(profile->value[PROFILE_FN_QOS].confidence, CONFIDENCE_CONFIRMED);
	profile_free(profile);
	diag_clear(&diag);
}

static void a_value_needs_source_and_confidence(void)
{
	static const char *const wrong[] = {
		"profile: p\nflow-table: {capacity: {value: 5}}\n",
		"profile: p\nflow-table: {capacity: {value: 5, source: x}}\n",
		"profile: p\nflow-table: {capacity: {value: 5, confidence: confirmed}}\n",
		"profile: p\nflow-table: {capacity: {value: 5, source: x, confidence: surely}}\n",
		"profile: p\nflow-table: {capacity: 5}\n",
		"profile: p\nflow-table: {capacity: {value: 0, source: x, confidence: confirmed}}\n",
		"profile: p\nflow-table: {capacity: {value: 1.5, source: x, confidence: confirmed}}\n",
		"profile: p\nflow-table: {capacity: {value: many, source: x, confidence: confirmed}}\n",
		"profile: p\nflow-table: {size: {value: 5, source: x, confidence: confirmed}}\n",
		"profile: p\nqueues: {size: {value: 5, source: x, confidence: confirmed}}\n",
		"profile: p\nfunctions: {dfw: {value: perhaps, source: x, confidence: confirmed}}\n",
		"profile: p\narm: {slowdown: {value: 0.5, source: x, confidence: confirmed}}\n",
		"profile: P!\n", "model: p\n", "- p\n",
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct diag diag = {0};

		CU_ASSERT_PTR_NULL(parse(wrong[i], &diag));
		CU_ASSERT_TRUE(diag.n > 0 && diag.records[0].line > 0);
		diag_clear(&diag);
	}
}

static void unknown_is_neither_no_nor_zero(void)
{
	struct diag diag = {0};
	struct profile *profile = parse("profile: p\nfunctions: {dfw: {value: unknown, source: nothing found}}\n", &diag);
	char text[PROFILE_TEXT_MAX];

	CU_ASSERT_PTR_NOT_NULL_FATAL(profile);
	CU_ASSERT_EQUAL(profile_supports(profile, PROFILE_FN_DFW), SUPPORT_UNKNOWN);
	CU_ASSERT_STRING_EQUAL(profile_value_text(profile, PROFILE_CAPACITY, text), "unknown");
	CU_ASSERT_EQUAL(profile_number(profile, PROFILE_CAPACITY, 7), 7);
	profile_free(profile);
	diag_clear(&diag);
}

static void what_is_written_reads_back(void)
{
	struct diag diag = {0};
	struct profile *first = NULL, *second;
	char *text;

	CU_ASSERT_EQUAL_FATAL(profile_load("bluefield2", &first, &diag), 0);
	text = profile_write(first);
	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	second = parse(text, &diag);
	CU_ASSERT_PTR_NOT_NULL_FATAL(second);
	for (int key = 0; key < PROFILE_VALUES; key++) {
		const struct profile_value *a = &first->value[key], *b = &second->value[key];

		CU_ASSERT_TRUE(a->known == b->known && a->unlimited == b->unlimited && a->number == b->number);
		CU_ASSERT_TRUE(!a->source == !b->source && (!a->source || !strcmp(a->source, b->source)));
		CU_ASSERT_TRUE(!a->note == !b->note && (!a->note || !strcmp(a->note, b->note)));
	}
	free(text);
	profile_free(first);
	profile_free(second);
	diag_clear(&diag);
}

static void the_schema_has_every_key(void)
{
	char *text = profile_schema_json();
	struct json_object *schema = text ? json_tokener_parse(text) : NULL, *keys, *found;

	CU_ASSERT_PTR_NOT_NULL_FATAL(schema);
	for (int i = 0; i < PROFILE_VALUES; i++) {
		char section[32];
		const char *dot = strchr(profile_keys[i].path, '.');

		snprintf(section, sizeof(section), "%.*s", (int)(dot - profile_keys[i].path), profile_keys[i].path);
		CU_ASSERT_TRUE_FATAL(json_object_object_get_ex(schema, "properties", &keys));
		CU_ASSERT_TRUE_FATAL(json_object_object_get_ex(keys, section, &keys));
		CU_ASSERT_TRUE_FATAL(json_object_object_get_ex(keys, "properties", &keys));
		CU_ASSERT_TRUE_FATAL(json_object_object_get_ex(keys, dot + 1, &found));
		CU_ASSERT_TRUE_FATAL(json_object_object_get_ex(found, "description", &found));
		CU_ASSERT_STRING_EQUAL(json_object_get_string(found), profile_keys[i].help);
	}
	json_object_put(schema);
	free(text);
}

static void limits_of(const char *text, uint32_t scale, struct dpu_asic *ret_device, uint32_t *ret_emulates)
{
	struct diag diag = {0};
	struct lab_host host = {.dpu = true, .profile_scale = scale, .profile = parse(text, &diag)};

	CU_ASSERT_PTR_NOT_NULL_FATAL(host.profile);
	device_limits(&host, ret_device);
	*ret_emulates = device_emulates(&host);
	profile_free(host.profile);
	diag_clear(&diag);
}

#define KNOWN(value_) "{value: " value_ ", source: x, confidence: confirmed}"

static void a_device_is_its_profile_scaled(void)
{
	struct dpu_asic device;
	uint32_t emulates;

	limits_of("profile: p\nflow-table:\n  capacity: " KNOWN("500000") "\n  entry: " KNOWN("connection")
		  "\n  insertion-rate: " KNOWN("7000") "\n  connection-rate: " KNOWN("20000") "\n  when-full: " KNOWN("drop")
		  "\narm: {slowdown: " KNOWN("3.5") "}\nactions: {udp: " KNOWN("no") "}\n", 1000, &device, &emulates);
	CU_ASSERT_EQUAL(emulates, DPU_EMULATE_ASIC | DPU_EMULATE_ARM);
	CU_ASSERT_EQUAL(device.capacity, 1000); /* 500 connections are 1000 flows */
	CU_ASSERT_EQUAL(device.insertion_interval, 1000000000ull * 64 / 14);
	CU_ASSERT_EQUAL(device.connection_interval, 1000000000ull * 64 / 20);
	CU_ASSERT_EQUAL(device.when_full, DPU_ASIC_FULL_DROP);
	CU_ASSERT_EQUAL(device.actions, DPU_ASIC_ALL & ~DPU_ASIC_UDP);
	CU_ASSERT_EQUAL(device.arm_factor, 3584);
}

static void without_limits_nothing_is_emulated(void)
{
	struct lab_host host = {.dpu = true, .profile_scale = 1};
	struct diag diag = {0};

	CU_ASSERT_EQUAL(device_emulates(&host), 0);
	CU_ASSERT_EQUAL_FATAL(profile_load("ideal", &host.profile, &diag), 0);
	CU_ASSERT_EQUAL(device_emulates(&host), 0);
	profile_free(host.profile);
	diag_clear(&diag);
}

static char *load(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = calloc(1, 1 << 20);

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	CU_ASSERT_TRUE(fread(text, 1, (1 << 20) - 1, file) > 0);
	fclose(file);
	return text;
}

static void the_reference_is_current(void)
{
	char *text = load(DOCUMENT), *reference = profile_markdown(), *mark = strstr(text, MARK);

	CU_ASSERT_PTR_NOT_NULL_FATAL(mark);
	CU_ASSERT_PTR_NOT_NULL_FATAL(reference);
	if (getenv("DPULAB_WRITE_REFERENCE")) {
		FILE *file = fopen(DOCUMENT, "w");

		CU_ASSERT_PTR_NOT_NULL_FATAL(file);
		fprintf(file, "%.*s%s%s", (int)(mark - text), text, MARK, reference);
		fclose(file);
	} else if (strcmp(mark + strlen(MARK), reference) != 0) {
		CU_FAIL("docs/profiles.md is not what the table says: run `make reference`");
	}
	free(text);
	free(reference);
}

SUITE(profile,
      {"every row of the table is complete", every_row_is_complete},
      {"the shipped profiles are right, every value with source and confidence", shipped_profiles_are_right},
      {"the documented figures are in them", documented_figures},
      {"a value without source or confidence, and other wrong ones, are refused with their place", a_value_needs_source_and_confidence},
      {"unknown is neither no nor zero", unknown_is_neither_no_nor_zero},
      {"a profile that is written reads back the same", what_is_written_reads_back},
      {"the JSON Schema has every key with its help", the_schema_has_every_key},
      {"a device is its profile, scaled", a_device_is_its_profile_scaled},
      {"a DPU without limits is not slowed or bounded at all", without_limits_nothing_is_emulated},
      {"the reference in docs/profiles.md is current", the_reference_is_current});
