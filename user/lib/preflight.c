/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "preflight.h"
#include "machine.h"
#include "op.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#define BTF	     "/sys/kernel/btf/vmlinux"
#define KERNEL_MAJOR 6 /* oldest kernel that dpulab is tested on: 6.1 */
#define KERNEL_MINOR 1
#define TCX_MAJOR    6 /* tcx links came with 6.6 */
#define TCX_MINOR    6

static bool kernel_at_least(int major, int minor, char *release, size_t size)
{
	struct utsname name;
	int has_major = 0, has_minor = 0;

	uname(&name);
	snprintf(release, size, "%s", name.release);
	if (sscanf(name.release, "%d.%d", &has_major, &has_minor) != 2)
		return false;
	return has_major > major || (has_major == major && has_minor >= minor);
}

static bool is_bpffs(void)
{
	struct statfs fs;

	return !statfs(PREFLIGHT_BPFFS, &fs) && fs.f_type == (__typeof__(fs.f_type))BPF_FS_MAGIC;
}

/* Stays mounted, as after bpftool or systemd: pins of others may live there by the time we end. */
static int mount_bpffs(struct diag *diag)
{
	if (is_bpffs())
		return 0;
	if (mount("bpf", PREFLIGHT_BPFFS, "bpf", 0, "mode=0700"))
		return diag_error(
		    diag, -errno,
		    "run on a kernel with CONFIG_BPF_SYSCALL, outside of a restricted container",
		    "cannot mount the bpf file system at " PREFLIGHT_BPFFS ": %s", strerror(errno));
	op_done();
	return 0;
}

static int require_bpf(struct diag *diag)
{
	char release[65];

	if (!kernel_at_least(KERNEL_MAJOR, KERNEL_MINOR, release, sizeof(release)))
		return diag_error(diag, -ENOSYS, "boot a kernel from 6.1 on",
				  "kernel %s is too old for the datapath", release);
	if (access(BTF, R_OK))
		return diag_error(
		    diag, -ENOENT,
		    "boot a kernel with CONFIG_DEBUG_INFO_BTF=y (Debian's kernels have it)",
		    "the kernel offers no type information (" BTF ")");
	return mount_bpffs(diag);
}

/* ---- programs that dpulab runs ------------------------------------------------ */

/* The libraries are there, or this program would not have started. */
static const struct {
	const char *tool, *fix;
	bool measures; /* demo cannot do without */
} tools[] = {
    {"iperf3", "apt-get install iperf3 (demo and bench measure TCP with it)", true},
    {"sockperf", "apt-get install sockperf (demo and bench measure latency with it)", true},
    {"ping", "apt-get install iputils-ping (demo proves connectivity with it)", true},
    {"bpftool", "apt-get install bpftool (to look at what is loaded)", false},
};
#define TOOLS (sizeof(tools) / sizeof(*tools))

static bool in_path(const char *tool)
{
	static const char *const dirs[] = {"/usr/bin", "/usr/sbin", "/bin", "/sbin",
					   "/usr/local/bin"};
	char path[64];

	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++) {
		snprintf(path, sizeof(path), "%s/%s", dirs[i], tool);
		if (!access(path, X_OK))
			return true;
	}
	return false;
}

static int require_tools(struct diag *diag)
{
	int err = 0;

	for (size_t i = 0; i < TOOLS; i++)
		if (tools[i].measures && !in_path(tools[i].tool))
			err = diag_error(diag, -ENOENT, tools[i].fix, "the program %s is not installed", tools[i].tool);
	return err;
}

int preflight_require(unsigned needs, struct diag *diag)
{
	if (needs & PREFLIGHT_ROOT && geteuid())
		return diag_error(diag, -EPERM, "run it with sudo",
				  "dpulab makes namespaces and loads programs, which takes root");
	if (needs & PREFLIGHT_TOOLS) {
		int err = require_tools(diag);

		if (err)
			return err;
	}
	return needs & PREFLIGHT_BPF ? require_bpf(diag) : 0;
}

/* ---- check ----------------------------------------------------------------- */

struct findings {
	struct preflight_finding *list;
	size_t n;
};

static struct preflight_finding *add(struct findings *findings, const char *what)
{
	struct preflight_finding *finding = &findings->list[findings->n++];

	*finding = (struct preflight_finding){.what = what};
	return finding;
}

static void judge(struct preflight_finding *finding, bool ok, enum preflight_verdict otherwise,
		  const char *found, const char *fix)
{
	finding->verdict = ok ? PREFLIGHT_OK : otherwise;
	snprintf(finding->found, sizeof(finding->found), "%s", found);
	finding->fix = ok ? NULL : fix;
}

static void check_kernel(struct findings *findings)
{
	char release[65];
	bool able = kernel_at_least(KERNEL_MAJOR, KERNEL_MINOR, release, sizeof(release));

	judge(add(findings, "kernel"), able, PREFLIGHT_WANTING, release,
	      "boot a kernel from 6.1 on");
	able = kernel_at_least(TCX_MAJOR, TCX_MINOR, release, sizeof(release));
	judge(add(findings, "tcx"), able, PREFLIGHT_NOTE,
	      able ? "tc programs attach by tcx links"
		   : "no tcx before 6.6: clsact filters are used",
	      "none needed; a kernel from 6.6 on replaces programs without a gap");
}

static void check_bpf(struct findings *findings)
{
	bool btf = !access(BTF, R_OK), mounted = is_bpffs();

	judge(add(findings, "btf"), btf, PREFLIGHT_WANTING, btf ? BTF : "no " BTF,
	      "boot a kernel with CONFIG_DEBUG_INFO_BTF=y (Debian's kernels have it)");
	judge(add(findings, "bpffs"), mounted, PREFLIGHT_NOTE,
	      mounted ? "mounted at " PREFLIGHT_BPFFS : "not mounted; up mounts it",
	      "mount -t bpf bpf " PREFLIGHT_BPFFS);
}

static void check_root(struct findings *findings)
{
	bool root = !geteuid();

	judge(add(findings, "root"), root, PREFLIGHT_WANTING, root ? "yes" : "no",
	      "run it with sudo");
}

/* The chosen word stands in brackets: "none [integrity] confidentiality". */
static void check_lockdown(struct findings *findings)
{
	char text[128] = "", *word;
	FILE *file = fopen("/sys/kernel/security/lockdown", "re");

	if (file) {
		if (!fgets(text, sizeof(text), file))
			*text = '\0';
		fclose(file);
	}
	word = strchr(text, '[');
	if (word)
		word[strcspn(word, "]")] = '\0';
	word = word ? word + 1 : "not visible";
	judge(
	    add(findings, "lockdown"), strcmp(word, "confidentiality"), PREFLIGHT_WANTING, word,
	    "boot without lockdown=confidentiality, which forbids reading frames in BPF programs");
}

static void check_jit(struct findings *findings)
{
	char text[16] = "";
	FILE *file = fopen("/proc/sys/net/core/bpf_jit_enable", "re");

	if (file) {
		if (!fgets(text, sizeof(text), file))
			*text = '\0';
		fclose(file);
	}
	judge(add(findings, "jit"), *text != '0', PREFLIGHT_NOTE,
	      *text == '0' ? "off: every figure is several times too low" : "on",
	      "sysctl net.core.bpf_jit_enable=1");
}

static void check_tools(struct findings *findings)
{
	for (size_t i = 0; i < TOOLS; i++) {
		bool there = in_path(tools[i].tool);

		judge(add(findings, tools[i].tool), there, PREFLIGHT_WANTING,
		      there ? "found" : "not found", tools[i].fix);
	}
}

static void check_cpus(struct findings *findings)
{
	char text[32];
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	snprintf(text, sizeof(text), "%ld online", n);
	judge(add(findings, "cpus"), n >= 2, PREFLIGHT_NOTE, text,
	      "give the machine two CPUs, so that host and DPU do not share one");
}

size_t preflight_check(struct preflight_finding *ret_findings)
{
	struct findings findings = {.list = ret_findings};

	check_root(&findings);
	check_kernel(&findings);
	check_bpf(&findings);
	check_lockdown(&findings);
	check_jit(&findings);
	check_cpus(&findings);
	check_tools(&findings);
	return findings.n;
}
