/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* show LAB guests: the QEMU guests of a host. */
#include "guest.h"
#include "show.h"

int show_guests(const struct lab *lab, size_t host, struct out *out, struct diag *diag)
{
	(void)diag;
	for (size_t i = 0; i < lab->n_vms; i++) {
		const struct lab_vm *vm = &lab->vms[i];
		struct guest_status status;

		if (vm->type != VM_QEMU || vm->loaded || vm->host != host)
			continue;
		guest_read(lab, vm, &status);
		out_item(out);
		out_str(out, "host", "%s", lab->hosts[host].name);
		out_str(out, "vm", "%s", vm->name);
		out_str(out, "state", "%s", status.pid ? "up" : "dead: `dpulab up` starts it");
		out_uint(out, "pid", status.pid);
		out_str(out, "cpus_by", "%s", status.kvm ? "kvm" : "tcg");
		out_uint(out, "cpus", vm->cpus);
		out_uint(out, "memory_mib", vm->memory_mib);
		out_str(out, "kernel", "%s", status.kernel);
		out_str(out, "console", "%s", status.console);
		out_end(out);
	}
	return 0;
}
