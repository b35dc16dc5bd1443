/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The list of network devices. A bus finds nics before there is a network; they wait here for it.
 */
#include <net/device.h>
#include <debug/log.h>
#include <lib/errno.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <net/inet.h>
#include <sync/mutex.h>

LOCK_CLASS(net_devices, RANK_NAMESPACE - 5, "list of network devices, and who brings them to the network");

static struct mutex lock = MUTEX_INIT(lock, net_devices);
static LIST_HEAD(devices);  /* lock */
static u32 last_ifindex = 1; /* lock; 1 is lo's */
static bool started;	    /* lock */

static struct net_device *find_name(const char *name)
{
	struct net_device *d;

	list_for_each_entry(d, &devices, link)
	{
		if (strcmp(d->name, name) == 0)
			return d;
	}
	return NULL;
}

/* [Linux dev_valid_name]: nothing that a path or a list of names could not hold. */
static bool is_name(const char *name)
{
	size_t n = strnlen(name, NET_NAME_MAX);

	if (!n || n == NET_NAME_MAX || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;
	for (; *name; name++) {
		if (*name == '/' || *name == ':' || *name == ' ' || (*name >= '\t' && *name <= '\r'))
			return false;
	}
	return true;
}

static struct net_device *find_index(u32 ifindex)
{
	struct net_device *d;

	list_for_each_entry(d, &devices, link)
	{
		if (d->ifindex == ifindex)
			return d;
	}
	return NULL;
}

/* A name for @format: with %u the first number that is free. */
static int choose_name(const char *format, char name[NET_NAME_MAX])
{
	const char *at = strchr(format, '%');
	int stem = at ? (int)(at - format) : 0;

	if (!is_name(format))
		return -EINVAL;
	if (!at) {
		strscpy(name, format, NET_NAME_MAX);
		return find_name(name) ? -EEXIST : 0;
	}
	for (u32 n = 0; n < 10000; n++) {
		scnprintf(name, NET_NAME_MAX, "%.*s%u", stem, format, n);
		if (!find_name(name))
			return 0;
	}
	return -ENFILE;
}

static void put_env(const struct sysfs_device *s, struct strbuf *sb, char end)
{
	const struct net_device *d = s->arg;

	strbuf_printf(sb, "INTERFACE=%s%cIFINDEX=%u%c", d->name, end, d->ifindex, end);
}

static struct net_device *create(const char *name, u32 ifindex, const struct nic_port *nic, const struct net_device_extra *extra)
{
	struct net_device *d = kzalloc(sizeof(*d), 0);

	if (!d)
		return NULL;
	strscpy(d->name, name, sizeof(d->name));
	d->ifindex = ifindex;
	d->extra = extra;
	if (nic)
		d->nic = *nic;
	d->sysfs = (struct sysfs_device){.name = d->name, .class = "net", .files = net_device_files, .nfiles = net_device_files_nr, .arg = d, .more = put_env};
	list_add_tail(&d->link, &devices);
	return d;
}

static void show(struct net_device *d)
{
	int err = sysfs_add_device(&d->sysfs);

	if (!err)
		err = net_device_add_statistics(d);
	if (!err && d->extra)
		err = pseudo_add_files(d->sysfs.node, d->extra->files, d->extra->nfiles, d->nic.self);
	if (err) /* it works without */
		klog(LOG_WARN, "%s: not in /sys: error %d", d->name, err);
}

/* Show it and give it to the network. lock held; also of a device that the network made (lo). */
static int attach(struct net_device *d)
{
	const struct inet_port *p = inet_network();
	int err = 0;

	if (d->nic.ops)
		err = p->ops->link_add(p->self, d->ifindex, d->name, &d->nic);
	if (err)
		return err;
	d->attached = true;
	show(d);
	return 0;
}

int net_device_add(const char *format, const struct nic_port *nic, const struct net_device_extra *extra, u32 *out_ifindex)
{
	struct net_device *d = NULL;
	char name[NET_NAME_MAX];
	int err;

	mutex_lock(&lock);
	err = choose_name(format, name);
	if (!err) {
		d = create(name, last_ifindex + 1, nic, extra);
		err = d ? 0 : -ENOMEM;
	}
	if (!err && started)
		err = attach(d);
	if (err && d) {
		list_del(&d->link);
		kfree(d);
	}
	if (!err)
		*out_ifindex = ++last_ifindex;
	mutex_unlock(&lock);
	return err;
}

void net_device_remove(void *nic_self)
{
	const struct inet_port *p = inet_network();
	struct net_device *d, *found = NULL;

	mutex_lock(&lock);
	list_for_each_entry(d, &devices, link)
	{
		if (d->nic.ops && d->nic.self == nic_self)
			found = d;
	}
	if (found) {
		list_del(&found->link);
		if (found->attached)
			p->ops->link_remove(p->self, found->ifindex);
		if (found->sysfs.node)
			sysfs_remove_device(&found->sysfs);
	}
	mutex_unlock(&lock);
	if (found)
		kfree(found->counters);
	kfree(found);
}

/* In /sys it goes and comes again, and who listens is told that it has moved. */
static void move(struct net_device *d, const char *name)
{
	char word[NET_NAME_MAX + 48];
	bool shown = d->sysfs.node != NULL;

	scnprintf(word, sizeof(word), "DEVPATH_OLD=/devices/virtual/net/%s", d->name);
	if (shown)
		sysfs_drop_device(&d->sysfs);
	kfree(d->counters);
	d->counters = NULL;
	strscpy(d->name, name, sizeof(d->name));
	if (!shown)
		return;
	d->sysfs.quiet = true;
	show(d);
	if (d->sysfs.node)
		sysfs_uevent_word(&d->sysfs, "move", word);
}

int net_device_rename(u32 ifindex, const char *name)
{
	const struct inet_port *p = inet_network();
	struct net_device *d;
	char fresh[NET_NAME_MAX];
	int err = -ENODEV;

	mutex_lock(&lock);
	d = find_index(ifindex);
	if (d && d->attached)
		err = strcmp(d->name, name) == 0 ? 0 : choose_name(name, fresh);
	if (!err && strcmp(d->name, name) != 0) {
		err = p->ops->link_rename(p->self, ifindex, fresh);
		if (!err)
			move(d, fresh);
	}
	mutex_unlock(&lock);
	return err;
}

int net_device_delete(u32 ifindex)
{
	const struct net_device_extra *extra = NULL;
	struct net_device *d;
	int err = -ENODEV;

	mutex_lock(&lock);
	d = find_index(ifindex);
	if (d) {
		extra = d->extra;
		err = extra && extra->delete ? 0 : -EOPNOTSUPP;
	}
	mutex_unlock(&lock);
	return err ? err : extra->delete(ifindex);
}

int net_device_name(u32 ifindex, char name[NET_NAME_MAX])
{
	struct net_device *d;

	mutex_lock(&lock);
	d = find_index(ifindex);
	if (d)
		strscpy(name, d->name, NET_NAME_MAX);
	mutex_unlock(&lock);
	return d ? 0 : -ENODEV;
}

int net_devices_start(void)
{
	struct net_device *d;
	int err = 0;

	mutex_lock(&lock);
	d = create("lo", 1, NULL, NULL);
	if (!d)
		err = -ENOMEM;
	started = !err;
	list_for_each_entry(d, &devices, link)
	{
		int failed = started ? attach(d) : 0;

		if (failed)
			klog(LOG_ERR, "%s: the network does not take it: error %d", d->name, failed);
	}
	mutex_unlock(&lock);
	return err;
}

u32 net_device_find(const char *wanted, char name[NET_NAME_MAX])
{
	struct net_device *d;
	u32 ifindex = 0;

	mutex_lock(&lock);
	list_for_each_entry(d, &devices, link)
	{
		if (!ifindex && d->attached && d->nic.ops && (!*wanted || strcmp(d->name, wanted) == 0)) {
			ifindex = d->ifindex;
			strscpy(name, d->name, NET_NAME_MAX);
		}
	}
	mutex_unlock(&lock);
	return ifindex;
}
