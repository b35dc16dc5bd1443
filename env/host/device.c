/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Devices of host and sim: handles in front of models. See env_host/device.h.
 *
 * A DMA address is the pointer moved by DMA_OFFSET, so that a driver that confuses the two is found
 * at once. Ranges stand in a list under a lock of their own: models are called from any thread.
 */
#include <pthread.h>
#include <stdlib.h>

#include <lib/errno.h>
#include <lib/string.h>
#include <env/log.h>
#include <env/mem.h>
#include <env_host/device.h>

#define DMA_OFFSET 0x0010000000000000ull
#define PAGE       4096u

struct host_dma_range {
	struct host_dma_range *next;
	u64 addr, len;
	u8 dir; /* enum env_dma_dir */
	bool coherent;
};

struct env_regs {
	struct env_device *dev;
	unsigned index;
	u64 off, len;
};

struct env_irq {
	struct host_call call;
	struct env_device *dev;
	unsigned vector;
};

static pthread_mutex_t range_lock = PTHREAD_MUTEX_INITIALIZER;

void host_device_init(struct env_device *dev, const struct host_device_ops *ops, void *model,
	const struct env_device_info *info)
{
	*dev = (struct env_device){.ops = ops, .model = model, .info = *info};
	ENV_ASSERT(info->nvectors <= HOST_VECTORS);
}

unsigned host_device_leaks(const struct env_device *dev)
{
	unsigned n = dev->nregs;

	for (unsigned i = 0; i < HOST_VECTORS; i++)
		n += dev->vectors[i] != NULL;
	for (const struct host_dma_range *r = dev->ranges; r; r = r->next)
		n++;
	return n;
}

void env_device_info(struct env_device *dev, struct env_device_info *out)
{
	*out = dev->info;
}

/* One more access; false: nobody is there any more. */
static bool touch(struct env_device *dev)
{
	u64 n = __atomic_add_fetch(&dev->accesses, 1, __ATOMIC_RELAXED);

	if (dev->vanish_at && n >= dev->vanish_at)
		WRITE_ONCE(dev->gone, true);
	return !READ_ONCE(dev->gone);
}

static u64 all_ones(unsigned width)
{
	return width == 8 ? ~0ull : (1ull << width * 8) - 1;
}

int env_regs_map(struct env_device *dev, unsigned index, u64 off, u64 len, struct env_regs **out)
{
	struct env_regs *regs;

	if (index >= ENV_DEVICE_REGS || !dev->info.reg_len[index])
		return -ENOENT;
	if (!len || off > dev->info.reg_len[index] || len > dev->info.reg_len[index] - off)
		return -EINVAL;
	regs = env_alloc(sizeof(*regs), ENV_ALLOC_SLEEP);
	if (!regs)
		return -ENOMEM;
	*regs = (struct env_regs){dev, index, off, len};
	__atomic_add_fetch(&dev->nregs, 1, __ATOMIC_RELAXED);
	*out = regs;
	return 0;
}

void env_regs_unmap(struct env_regs *regs)
{
	if (!regs)
		return;
	__atomic_sub_fetch(&regs->dev->nregs, 1, __ATOMIC_RELAXED);
	env_free(regs, sizeof(*regs));
}

static void check_access(const struct env_regs *regs, u64 off, unsigned width)
{
	ENV_ASSERT(width == 1 || width == 2 || width == 4 || width == 8);
	ENV_ASSERT(is_aligned(off, (u64)width));
	ENV_ASSERT(off < regs->len && width <= regs->len - off);
}

u64 env_reg_read(struct env_regs *regs, u64 off, unsigned width)
{
	struct env_device *dev = regs->dev;

	check_access(regs, off, width);
	if (!touch(dev))
		return all_ones(width);
	return dev->ops->reg_read(dev->model, regs->index, regs->off + off, width) &
	       all_ones(width);
}

void env_reg_write(struct env_regs *regs, u64 off, unsigned width, u64 v)
{
	struct env_device *dev = regs->dev;

	check_access(regs, off, width);
	if (touch(dev))
		dev->ops->reg_write(
			dev->model, regs->index, regs->off + off, width, v & all_ones(width));
}

u32 env_config_read(struct env_device *dev, u32 off, unsigned width)
{
	if (!touch(dev) || !dev->ops->config_read)
		return (u32)all_ones(width);
	return dev->ops->config_read(dev->model, off, width) & (u32)all_ones(width);
}

void env_config_write(struct env_device *dev, u32 off, unsigned width, u32 v)
{
	if (touch(dev) && dev->ops->config_write)
		dev->ops->config_write(dev->model, off, width, v);
}

int env_irq_bind(struct env_device *dev, unsigned vector, unsigned cpu, void (*fn)(void *arg),
	void *arg, struct env_irq **out)
{
	struct env_irq *irq;

	if (vector >= dev->info.nvectors)
		return -EINVAL;
	if (dev->vectors[vector])
		return -EBUSY;
	irq = env_alloc(sizeof(*irq), ENV_ALLOC_ZERO);
	if (!irq)
		return -ENOMEM;
	irq->call.fn = fn;
	irq->call.arg = arg;
	irq->dev = dev;
	irq->vector = vector;
	STORE_RELEASE(dev->vectors[vector], irq);
	*out = irq;
	return 0;
}

void env_irq_unbind(struct env_irq *irq)
{
	if (!irq)
		return;
	pthread_mutex_lock(&range_lock);
	irq->dev->vectors[irq->vector] = NULL;
	pthread_mutex_unlock(&range_lock);
	host_call_cancel(&irq->call);
	env_free(irq, sizeof(*irq));
}

void host_device_irq(struct env_device *dev, unsigned vector)
{
	u64 n = __atomic_add_fetch(&dev->irqs, 1, __ATOMIC_RELAXED);
	struct env_irq *irq;

	if (vector >= HOST_VECTORS || n == dev->lose_irq || READ_ONCE(dev->gone))
		return;
	pthread_mutex_lock(&range_lock); /* against unbind */
	irq = dev->vectors[vector];
	if (irq)
		host_call_queue(&irq->call);
	pthread_mutex_unlock(&range_lock);
}

static int add_range(struct env_device *dev, u64 addr, u64 len, enum env_dma_dir dir, bool coherent)
{
	struct host_dma_range *r = malloc(sizeof(*r));

	if (!r)
		return -ENOMEM;
	pthread_mutex_lock(&range_lock);
	*r = (struct host_dma_range){dev->ranges, addr, len, (u8)dir, coherent};
	dev->ranges = r;
	pthread_mutex_unlock(&range_lock);
	return 0;
}

static void remove_range(
	struct env_device *dev, u64 addr, u64 len, enum env_dma_dir dir, bool coherent)
{
	struct host_dma_range **at, *r;

	pthread_mutex_lock(&range_lock);
	for (at = &dev->ranges; (r = *at); at = &r->next)
		if (r->addr == addr && r->len == len && r->dir == dir && r->coherent == coherent)
			break;
	ENV_ASSERT(r);
	*at = r->next;
	pthread_mutex_unlock(&range_lock);
	free(r);
}

void *host_dma(struct env_device *dev, u64 addr, u64 len, bool write)
{
	unsigned need = write ? ENV_DMA_FROM_DEVICE : ENV_DMA_TO_DEVICE;
	bool ok = false;

	pthread_mutex_lock(&range_lock);
	for (const struct host_dma_range *r = dev->ranges; r && !ok; r = r->next)
		ok = r->dir & need && addr >= r->addr && addr - r->addr <= r->len &&
		     len <= r->len - (addr - r->addr);
	pthread_mutex_unlock(&range_lock);
	if (ok)
		return (void *)(unsigned long)(addr - DMA_OFFSET);
	__atomic_add_fetch(&dev->violations, 1, __ATOMIC_RELAXED);
	return NULL;
}

int env_dma_alloc(struct env_device *dev, size_t size, void **out_mem, u64 *out_addr)
{
	void *mem;

	ENV_ASSERT(size);
	if (size > 2u << 20)
		return -EINVAL;
	mem = env_alloc(align_up(size, PAGE), ENV_ALLOC_ZERO);
	if (!mem)
		return -ENOMEM;
	*out_addr = (u64)(unsigned long)mem + DMA_OFFSET;
	if (add_range(dev, *out_addr, size, ENV_DMA_BOTH, true))
		abort();
	*out_mem = mem;
	return 0;
}

void env_dma_free(struct env_device *dev, size_t size, void *mem, u64 addr)
{
	ENV_ASSERT(addr == (u64)(unsigned long)mem + DMA_OFFSET);
	remove_range(dev, addr, size, ENV_DMA_BOTH, true);
	env_free(mem, align_up(size, PAGE));
}

int env_dma_map(struct env_device *dev, const struct iobuf *buf, enum env_dma_dir dir,
	struct env_dma_seg *segs, unsigned max)
{
	size_t left = buf->left, off = buf->seg_off;
	unsigned n = 0;

	if (!left)
		return -EINVAL;
	if (buf->kind == IOBUF_USER)
		return -EFAULT;
	for (const struct iobuf_seg *s = buf->segs; left; s++, off = 0) {
		u64 addr =
			s->base + (buf->kind == IOBUF_PAGES ? s->page_off : 0) + off + DMA_OFFSET;
		size_t len;

		ENV_ASSERT(off <= s->len);
		len = min(left, s->len - off);
		if (!len)
			continue;
		left -= len;
		if (n && segs[n - 1].addr + segs[n - 1].len == addr) {
			segs[n - 1].len += (u32)len;
			continue;
		}
		if (n == max)
			return -E2BIG;
		segs[n++] = (struct env_dma_seg){addr, (u32)len};
	}
	for (unsigned i = 0; i < n; i++)
		if (add_range(dev, segs[i].addr, segs[i].len, dir, false))
			abort();
	return (int)n;
}

void env_dma_unmap(
	struct env_device *dev, enum env_dma_dir dir, const struct env_dma_seg *segs, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		remove_range(dev, segs[i].addr, segs[i].len, dir, false);
}
