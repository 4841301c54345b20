#include <linux/capability.h>
#include <strings.h>

#include "base/util.h"
#include "frontend/capnames.h"

/* Indexed by the kernel's numbers; 40 is CAP_CHECKPOINT_RESTORE, Linux 5.9. */
static const char *const names[] = {
	"chown",	  "dac_override",   "dac_read_search", "fowner",
	"fsetid",	  "kill",	    "setgid",	       "setuid",
	"setpcap",	  "linux_immutable", "net_bind_service", "net_broadcast",
	"net_admin",	  "net_raw",	    "ipc_lock",	       "ipc_owner",
	"sys_module",	  "sys_rawio",	    "sys_chroot",      "sys_ptrace",
	"sys_pacct",	  "sys_admin",	    "sys_boot",	       "sys_nice",
	"sys_resource",	  "sys_time",	    "sys_tty_config",  "mknod",
	"lease",	  "audit_write",    "audit_control",   "setfcap",
	"mac_override",	  "mac_admin",	    "syslog",	       "wake_alarm",
	"block_suspend",  "audit_read",	    "perfmon",	       "bpf",
	"checkpoint_restore",
};
static_assert(NELEMS(names) == CAP_LAST_CAP + 1, "names[] does not match linux/capability.h");

int
capname_to_number(const char *name)
{
	if (strncasecmp(name, "CAP_", 4) == 0)
		name += 4;
	for (size_t i = 0; i < NELEMS(names); i++)
		if (strcasecmp(names[i], name) == 0)
			return (int)i;
	return -1;
}

const char *
capname_from_number(int cap)
{
	return cap >= 0 && (size_t)cap < NELEMS(names) ? names[cap] : NULL;
}
