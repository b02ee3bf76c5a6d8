/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "compare.h"

#include <errno.h>
#include <json-c/json.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "emulated.h"

static const struct {
	const char *name;
	const char *unit;
} figures[FIGURE_COUNT] = {
	[FIGURE_TCP_GBIT] = {"tcp", "Gb/s"},
	[FIGURE_RTT_US] = {"round_trip_p50", "us"},
	[FIGURE_RTT_P99_US] = {"round_trip_p99", "us"},
	[FIGURE_RTT_RAW_US] = {"round_trip_p50_raw", "us"},
	[FIGURE_FRAMES_MPPS] = {"frames_64B", "Mpps"},
	[FIGURE_HOST_NS] = {"host_cpu", "ns/frame"},
	[FIGURE_DPU_NS] = {"dpu_cpu", "ns/frame"},
	[FIGURE_DPU_RAW_NS] = {"dpu_cpu_raw", "ns/frame"},
	[FIGURE_FABRIC_NS] = {"fabric_cpu", "ns/frame"},
	[FIGURE_VM_NS] = {"vm_cpu", "ns/frame"},
	[FIGURE_LOST] = {"lost", "frames of 128"},
};

static struct json_object *samples_json(const struct samples *samples)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < samples->n; i++)
		json_object_array_add(array, json_object_new_double(samples->value[i]));
	return array;
}

static struct json_object *figure_json(const struct path_result *path, enum compare_figure figure)
{
	static const char *const places[WHERE_COUNT] = {"same_host", "vxlan"};
	bool frames = figure >= FIGURE_FRAMES_MPPS;
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "unit", json_object_new_string(figures[figure].unit));
	json_object_object_add(object, "state", json_object_new_string(frames ? path->frame_state
									       : path->socket_state));
	for (unsigned where = 0; where < WHERE_COUNT; where++)
		json_object_object_add(object, places[where], samples_json(&path->figure[figure][where]));
	return object;
}

static struct json_object *path_json(const struct path_result *path)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "path", json_object_new_string(frame_path_name(path->path)));
	json_object_object_add(object, "measured", json_object_new_boolean(path->measured));
	if (path->why[0])
		json_object_object_add(object, "why_not", json_object_new_string(path->why));
	json_object_object_add(object, "probes", json_object_new_int64((int64_t)path->probes));
	json_object_object_add(object, "wrong_at_socket_hook", json_object_new_int64((int64_t)path->wrong[0]));
	json_object_object_add(object, "wrong_at_frame_hook", json_object_new_int64((int64_t)path->wrong[1]));
	json_object_object_add(object, "move_ms", samples_json(&path->move_ms));
	json_object_object_add(object, "move_dropped", json_object_new_int64((int64_t)path->moved_dropped));
	for (unsigned figure = 0; figure < FIGURE_COUNT; figure++)
		json_object_object_add(object, figures[figure].name, figure_json(path, figure));
	return object;
}

static struct json_object *conditions_json(const struct comparison *comparison)
{
	struct json_object *object = json_object_new_object();
	struct utsname kernel;

	uname(&kernel);
	json_object_object_add(object, "kernel", json_object_new_string(kernel.release));
	json_object_object_add(object, "cpus", json_object_new_int64(sysconf(_SC_NPROCESSORS_ONLN)));
	json_object_object_add(object, "rounds", json_object_new_int64(comparison->rounds));
	json_object_object_add(object, "seconds", json_object_new_double(comparison->seconds));
	json_object_object_add(object, "steal_percent", json_object_new_double(comparison->steal_percent));
	json_object_object_add(object, "frame_load",
			       json_object_new_string("live XDP frames, 128 circulating between two VMs, every NAPI threaded and pinned"));
	json_object_object_add(object, "socket_load", json_object_new_string("iperf3, sockperf ping-pong over TCP"));
	return object;
}

/* As in what `bench -j` writes. */
static struct json_object *emulated_json(const struct lab *lab)
{
	struct json_object *array = json_object_new_array();
	char text[EMULATED_TEXT_MAX];

	for (size_t i = 0; i < lab->n_hosts; i++) {
		struct json_object *host = json_object_new_object();

		json_object_object_add(host, "host", json_object_new_string(lab->hosts[i].name));
		json_object_object_add(host, "emulated", json_object_new_string(emulated_text(&lab->hosts[i], text)));
		json_object_array_add(array, host);
	}
	return array;
}

int comparison_write(const struct lab *lab, const struct comparison *comparison, const char *file,
		     struct diag *diag)
{
	struct json_object *root = json_object_new_object(), *paths = json_object_new_array();
	int err = 0;

	json_object_object_add(root, "lab", json_object_new_string(lab->name));
	json_object_object_add(root, "conditions", conditions_json(comparison));
	json_object_object_add(root, "emulated", emulated_json(lab));
	for (unsigned path = 0; path < PATH_COUNT; path++)
		json_object_array_add(paths, path_json(&comparison->path[path]));
	json_object_object_add(root, "paths", paths);
	if (json_object_to_file_ext(file, root, JSON_C_TO_STRING_PRETTY) < 0)
		err = diag_error(diag, -EIO, "name another file with --output", "cannot write %s: %s", file,
				 json_util_get_last_err());
	json_object_put(root);
	return err;
}
