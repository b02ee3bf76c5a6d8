// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* plan_price.c - host CPU per frame from what `dpulab demo` (compare_write.c) or `dpulab bench -j` has written. */
#include "plan.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Median of an array of numbers; -1: there is none. */
static double median(struct json_object *list)
{
	size_t n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
	double *values = n ? calloc(n, sizeof(*values)) : NULL, middle;

	if (!values)
		return -1;
	for (size_t i = 0; i < n; i++)
		values[i] = json_object_get_double(json_object_array_get_idx(list, i));
	qsort(values, n, sizeof(*values), by_value);
	middle = n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
	free(values);
	return middle;
}

/* Host CPU per frame between VMs of one host on a path; -1: not measured. */
static double host_cpu(struct json_object *paths, const char *name)
{
	for (size_t i = 0; i < json_object_array_length(paths); i++) {
		struct json_object *path = json_object_array_get_idx(paths, i), *value, *figure;

		if (!json_object_object_get_ex(path, "path", &value) || strcmp(json_object_get_string(value), name))
			continue;
		if (!json_object_object_get_ex(path, "measured", &value) || !json_object_get_boolean(value) ||
		    !json_object_object_get_ex(path, "host_cpu", &figure) ||
		    !json_object_object_get_ex(figure, "same_host", &value))
			return -1;
		return median(value);
	}
	return -1;
}

static bool says(struct json_object *object, const char *key, const char *text)
{
	struct json_object *value;

	return json_object_object_get_ex(object, key, &value) && !strcmp(json_object_get_string(value), text);
}

/* The same of a row of `bench`: as `demo` measures it, by XDP where the path has it. */
static double bench_cpu(struct json_object *rows, const char *name)
{
	for (size_t i = 0; i < json_object_array_length(rows); i++) {
		struct json_object *row = json_object_array_get_idx(rows, i), *value;

		if (says(row, "path", name) && says(row, "frames", "same host") && says(row, "bytes", "64") && !says(row, "hook", "tc") &&
		    json_object_object_get_ex(row, "host_ns", &value))
			return json_object_get_double(value);
	}
	return -1;
}

static const char *text_of(struct json_object *object, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(object, key, &value) ? json_object_get_string(value) : "unknown";
}

/* "esx1 link 10us, esx2 cores x2.4"; "nothing". */
static void read_emulated(struct json_object *root, struct plan_price *price)
{
	struct json_object *hosts;
	size_t used = 0;

	snprintf(price->emulated, sizeof(price->emulated), "not said");
	if (!json_object_object_get_ex(root, "emulated", &hosts) || !json_object_is_type(hosts, json_type_array))
		return;
	snprintf(price->emulated, sizeof(price->emulated), "nothing");
	for (size_t i = 0; i < json_object_array_length(hosts) && used < sizeof(price->emulated); i++) {
		struct json_object *host = json_object_array_get_idx(hosts, i);

		if (!says(host, "emulated", "-"))
			used += (size_t)snprintf(price->emulated + used, sizeof(price->emulated) - used, "%s%.15s %.60s", used ? "; " : "",
						 text_of(host, "host"), text_of(host, "emulated"));
	}
}

int plan_read_price(const char *file, struct plan_price *ret_price, struct diag *diag)
{
	struct plan_price price = {.measured = true};
	struct json_object *root, *paths, *conditions = NULL;
	bool bench;

	if (access(file, F_OK))
		return -ENOENT;
	root = json_object_from_file(file);
	bench = json_object_object_get_ex(root, "cpu", &paths);
	if ((!bench && !json_object_object_get_ex(root, "paths", &paths)) || !json_object_is_type(paths, json_type_array)) {
		json_object_put(root);
		return diag_error(diag, -EINVAL, "`dpulab demo --output FILE` and `dpulab bench -j LAB` write one",
				  "%s is no measurement of dpulab", file);
	}
	for (int path = 0; path < PATH_END; path++)
		price.ns[path] = bench ? bench_cpu(paths, frame_path_name(path)) : host_cpu(paths, frame_path_name(path));
	json_object_object_get_ex(root, "conditions", &conditions);
	snprintf(price.from, sizeof(price.from), "%.60s: lab %.15s, Linux %.40s", file, text_of(root, "lab"),
		 conditions ? text_of(conditions, "kernel") : "unknown");
	read_emulated(root, &price);
	json_object_put(root);
	*ret_price = price;
	return 0;
}
