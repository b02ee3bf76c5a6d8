/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What goes between dpulab and a guest's agent, and what a guest's kernel needs to be told that. */
#include "../../user/guest/frame.h"
#include "guest_modules.h"
#include "labs.h"
#include "suite.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- frames ------------------------------------------------------------------ */

/* Feeds bytes; returns how many frames came out, the last one's header in *ret. */
static unsigned feed(struct guest_decoder *decoder, const uint8_t *bytes, size_t length, struct guest_header *ret)
{
	unsigned frames = 0;

	for (size_t i = 0; i < length; i++)
		frames += guest_decode(decoder, bytes[i], ret);
	return frames;
}

static void test_every_octet(void)
{
	struct guest_header header = {.session = 0x7e7d5e01, .length = 256, .type = GUEST_INPUT}, got = {};
	uint8_t payload[256], frame[GUEST_FRAME_MAX];
	struct guest_decoder decoder = {};
	size_t length;

	for (unsigned i = 0; i < sizeof(payload); i++)
		payload[i] = (uint8_t)i;
	length = guest_encode(&header, payload, frame);
	CU_ASSERT(length > sizeof(header) + sizeof(payload));
	CU_ASSERT_EQUAL(feed(&decoder, frame, length, &got), 1);
	CU_ASSERT(!memcmp(&got, &header, sizeof(header)));
	CU_ASSERT(!memcmp(decoder.bytes + sizeof(header), payload, sizeof(payload)));
}

static void test_worst_case(void)
{
	struct guest_header header = {.session = 0x7e7e7e7e, .length = GUEST_PAYLOAD, .type = 0x7d, .first = 0x7e}, got;
	static uint8_t payload[GUEST_PAYLOAD], frame[GUEST_FRAME_MAX];
	static struct guest_decoder decoder;
	size_t length;

	memset(payload, 0x7d, sizeof(payload));
	length = guest_encode(&header, payload, frame);
	CU_ASSERT(length <= sizeof(frame));
	CU_ASSERT_EQUAL(feed(&decoder, frame, length, &got), 1);
	CU_ASSERT(!memcmp(decoder.bytes + sizeof(header), payload, sizeof(payload)));
}

/* A client that is killed leaves any part of a frame; the next one's comes through, and nothing else does. */
static void test_cut_short(void)
{
	struct guest_header old = {.session = 1, .length = 40, .type = GUEST_WORDS}, new = {.session = 2, .length = 3};
	uint8_t payload[40], first[GUEST_FRAME_MAX], second[GUEST_FRAME_MAX];
	size_t length, more;

	memset(payload, 0x7e, sizeof(payload));
	length = guest_encode(&old, payload, first);
	more = guest_encode(&new, "abc", second);
	for (size_t cut = 0; cut < length - 1; cut++) {
		struct guest_decoder decoder = {};
		struct guest_header got = {};

		CU_ASSERT_EQUAL(feed(&decoder, first, cut, &got), 0);
		CU_ASSERT_EQUAL(feed(&decoder, second, more, &got), 1);
		CU_ASSERT_EQUAL(got.session, 2);
	}
}

static void test_noise(void)
{
	struct guest_header header = {.session = 9, .length = 0, .type = GUEST_RUN}, got = {};
	uint8_t frame[GUEST_FRAME_MAX];
	static struct guest_decoder decoder;
	size_t length = guest_encode(&header, NULL, frame);
	unsigned seed = 1;

	for (unsigned i = 0; i < 3 * GUEST_PAYLOAD; i++) {
		uint8_t octet = (uint8_t)((seed = seed * 1103515245 + 12345) >> 16);

		/* more than fits, without an end */
		CU_ASSERT(!guest_decode(&decoder, octet == 0x7e ? 0 : octet, &got));
	}
	CU_ASSERT_EQUAL(feed(&decoder, frame, length, &got), 1);
	CU_ASSERT_EQUAL(got.session, 9);
}

/* ---- modules ------------------------------------------------------------------- */

static void write_file(const char *folder, const char *name, const char *text)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	fputs(text, file);
	fclose(file);
}

static int modules_of(const char *dep, const char *builtin, struct guest_modules *ret, struct diag *diag)
{
	char folder[] = "/tmp/dpulab-unit-XXXXXX", path[128];
	int err;

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	write_file(folder, "modules.dep", dep);
	write_file(folder, "modules.builtin", builtin);
	err = guest_modules_read(folder, ret, diag);
	snprintf(path, sizeof(path), "%s/modules.dep", folder);
	unlink(path);
	snprintf(path, sizeof(path), "%s/modules.builtin", folder);
	unlink(path);
	rmdir(folder);
	return err;
}

static void test_module_order(void)
{
	static const char dep[] = "k/virtio.ko.xz: k/virtio_ring.ko.xz\n"
				  "k/my_virtio_net.ko.xz:\n"
				  "k/virtio_net.ko.xz: k/net_failover.ko.xz k/failover.ko.xz k/virtio.ko.xz k/virtio_ring.ko.xz\n"
				  "k/virtio-rng.ko.xz: k/virtio.ko.xz k/virtio_ring.ko.xz\n"
				  "k/virtio_pci.ko.xz: k/virtio.ko.xz k/virtio_ring.ko.xz\n";
	static const char *const order[] = {"k/virtio_ring.ko.xz", "k/virtio.ko.xz", "k/virtio_pci.ko.xz", "k/failover.ko.xz",
					    "k/net_failover.ko.xz", "k/virtio_net.ko.xz", "k/virtio-rng.ko.xz"};
	struct guest_modules modules = {};

	CU_ASSERT_EQUAL(modules_of(dep, "k/virtio_console.ko\nk/ipv6.ko\n", &modules, NULL), 0);
	CU_ASSERT_EQUAL(modules.n, sizeof(order) / sizeof(*order));
	for (size_t i = 0; i < modules.n; i++)
		CU_ASSERT_STRING_EQUAL(modules.file[i], order[i]);
}

static void test_module_missing(void)
{
	struct guest_modules modules = {};
	struct diag diag = {};

	CU_ASSERT_EQUAL(modules_of("k/virtio_pci.ko:\n", "k/virtio_net.ko\n", &modules, &diag), -ENOENT);
	CU_ASSERT(diag.n == 1 && strstr(diag.records[0].message, "no module virtio_console"));
	diag_clear(&diag);
}

/* ---- the lab file ---------------------------------------------------------------- */

static void test_defaults(void)
{
	struct lab *lab = lab_of_text("lab: t\nhosts:\n  h1: {}\nport-groups:\n  web: {vni: 7}\n"
				      "vms:\n  a: {host: h1, port-group: web, ip: 10.1.0.1/24}\n"
				      "  b: {host: h1, port-group: web, ip: 10.1.0.2/24, type: qemu, cpus: 2, accelerator: tcg}\n");

	CU_ASSERT_EQUAL(lab->vms[0].type, VM_NAMESPACE);
	CU_ASSERT_EQUAL(lab->vms[1].type, VM_QEMU);
	CU_ASSERT_EQUAL(lab->vms[1].memory_mib, 256);
	CU_ASSERT_EQUAL(lab->vms[1].cpus, 2);
	CU_ASSERT_EQUAL(lab->vms[1].accelerator, ACCELERATOR_TCG);
	CU_ASSERT_PTR_NULL(lab->vms[1].kernel);
	CU_ASSERT(lab_has_guests(lab));
	lab->vms[1].loaded = true; /* an interface has taken its place */
	CU_ASSERT(!lab_has_guests(lab));
	lab_free(lab);
}

SUITE(guest, {"every octet comes through", test_every_octet}, {"nothing is longer than its buffer", test_worst_case},
      {"a frame cut short spoils no other", test_cut_short}, {"noise ends with the next frame", test_noise},
      {"what a module needs is loaded before it", test_module_order},
      {"a kernel without a module is refused by name", test_module_missing},
      {"a guest's defaults", test_defaults});
