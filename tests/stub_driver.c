/* A libcuda.so.1 for a machine that has none. NVIDIA's own Python package loads it, so
 * that what reaches a driver can be looked at: memory is the host's, tensor maps are
 * checked as the driver checks them, and a launch is written down instead of run.
 *
 * The file that STUB_LOG names gets a line for each map and each launch. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OK = 0, INVALID = 1, NOT_FOUND = 500, MOST = 64 };
typedef uint64_t u64;
typedef uint32_t u32;

typedef struct {
    char name[128];
    int count, bytes[MOST];
} Function;

typedef struct { /* what this driver keeps in the 128 bytes of a map */
    u64 magic, start, strides[4];
    u32 sizes[5];
    unsigned short box[5], modes;
    short lower[3], upper[3];
    char rank, kind, windowed, steps[5];
} Map;

static const u64 MAGIC = 0x7061726f736e6574;
static char *ptx;
static struct {
    u64 start, size;
} blocks[1 << 12];
static int allocated;

static int is_map(u64 at) {
    for (int i = 0; i < allocated; i++)
        if (at >= blocks[i].start && at + sizeof(Map) <= blocks[i].start + blocks[i].size)
            return ((Map *)at)->magic == MAGIC;
    return 0;
}

static FILE *log_file(void) {
    static FILE *file;
    if (!file) file = fopen(getenv("STUB_LOG"), "w");
    return file;
}

/* The address of a function of the driver, as its users ask for it. */
int cuGetProcAddress_v2(const char *name, void **found, int version, u64 flags,
                        int *status) {
    Dl_info info;
    char own[256];
    dladdr((void *)cuGetProcAddress_v2, &info);
    snprintf(own, sizeof own, "stub_%s", name);
    *found = dlsym(dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD), own);
    if (!strcmp(name, "cuGetProcAddress")) *found = (void *)cuGetProcAddress_v2;
    if (status) *status = *found ? 0 : 1;
    return *found ? OK : NOT_FOUND;
}

int stub_cuInit(unsigned flags) { return OK; }
int stub_cuDeviceGetCount(int *n) { return *n = 1, OK; }
int stub_cuDeviceGet(int *device, int n) { return *device = n, OK; }
int stub_cuDeviceGetName(char *name, int size, int device) {
    return snprintf(name, size, "Stub GPU"), OK;
}
int stub_cuDeviceGetAttribute(int *value, int key, int device) {
    /* compute capability, and shared memory that a block may ask for */
    *value = key == 75 ? 9 : key == 76 ? 0 : key == 97 ? 227 << 10 : -1;
    return OK;
}
int stub_cuGetErrorString(int status, const char **text) {
    return *text = status == INVALID ? "invalid argument" : "not found", OK;
}
int stub_cuDevicePrimaryCtxRetain(void **context, int device) {
    return *context = &ptx, OK;
}
int stub_cuCtxSetCurrent(void *context) { return OK; }
int stub_cuCtxSynchronize(void) { return OK; }
int stub_cuMemGetInfo(size_t *free, size_t *all) {
    return *free = *all = (size_t)1 << 30, OK;
}
int stub_cuMemAlloc(u64 *pointer, size_t size) {
    *pointer = (u64)aligned_alloc(256, (size + 255) / 256 * 256);
    blocks[allocated].start = *pointer;
    blocks[allocated++].size = size;
    return OK;
}
int stub_cuMemFree(u64 pointer) { return OK; }
int stub_cuMemsetD8(u64 to, unsigned char byte, size_t size) {
    return memset((void *)to, byte, size), OK;
}
int stub_cuMemcpyHtoD(u64 to, const void *from, size_t size) {
    return memcpy((void *)to, from, size), OK;
}
int stub_cuMemcpyDtoH(void *to, u64 from, size_t size) {
    return memcpy(to, (void *)from, size), OK;
}
int stub_cuModuleLoadData(void **module, const void *image) {
    return *module = ptx = strdup(image), OK;
}
int stub_cuFuncSetAttribute(Function *f, int key, int value) {
    return fprintf(log_file(), "attribute %s %d %d\n", f->name, key, value), OK;
}

/* Reads the sizes of a kernel's parameters off its PTX. */
int stub_cuModuleGetFunction(Function **found, char *module, const char *name) {
    char head[256];
    snprintf(head, sizeof head, ".entry %s(", name);
    const char *at = strstr(module, head);
    if (!at) return NOT_FOUND;
    Function *f = *found = calloc(1, sizeof *f);
    snprintf(f->name, sizeof f->name, "%s", name);
    const char *end = strchr(at + strlen(head), ')');
    while ((at = strstr(at, ".param .")) && at < end) {
        at += strlen(".param .");
        f->bytes[f->count++] = atoi(at + 1) / 8; /* u64, b32, f32 .. */
    }
    return OK;
}

/* What both kinds of maps have; modes as decimal digits. */
static int encode(Map *map, u32 kind, u32 rank, void *start, const u64 *sizes,
                  const u64 *strides, const u32 *steps, int a, int b, int c, int d) {
    if ((u64)map % 64 || (u64)start % 16 || rank > 5) return INVALID;
    memset(map, 0, 128);
    map->magic = MAGIC, map->start = (u64)start, map->rank = rank, map->kind = kind;
    map->modes = 1000 * a + 100 * b + 10 * c + d;
    for (u32 i = 0; i < rank; i++) {
        int wrong = !sizes[i] || sizes[i] > 1ul << 31 || !steps[i] || steps[i] > 8;
        if (wrong) return INVALID;
        map->sizes[i] = sizes[i], map->steps[i] = steps[i];
    }
    for (u32 i = 0; i + 1 < rank; i++) {
        if (strides[i] % 16 || strides[i] >= 1ul << 40) return INVALID;
        map->strides[i] = strides[i];
    }
    return OK;
}

int stub_cuTensorMapEncodeTiled(Map *map, u32 kind, u32 rank, void *start,
                                const u64 *sizes, const u64 *strides, const u32 *box,
                                const u32 *steps, int a, int b, int c, int d) {
    if (rank < 1 || encode(map, kind, rank, start, sizes, strides, steps, a, b, c, d))
        return INVALID;
    for (u32 i = 0; i < rank; i++) {
        if (!box[i] || box[i] > 256) return INVALID;
        map->box[i] = box[i];
    }
    return OK;
}

int stub_cuTensorMapEncodeIm2col(Map *map, u32 kind, u32 rank, void *start,
                                 const u64 *sizes, const u64 *strides, const int *lower,
                                 const int *upper, u32 channels, u32 pixels,
                                 const u32 *steps, int a, int b, int c, int d) {
    if (rank < 3 || encode(map, kind, rank, start, sizes, strides, steps, a, b, c, d))
        return INVALID;
    int half = rank == 3 ? 1 << 15 : rank == 4 ? 1 << 7 : 1 << 4;
    for (u32 i = 0; i < rank - 2; i++) {
        if (lower[i] < -half || lower[i] >= half || upper[i] < -half ||
            upper[i] >= half || (long)sizes[i + 1] + upper[i] <= lower[i])
            return INVALID;
        map->lower[i] = lower[i], map->upper[i] = upper[i];
    }
    if (!channels || channels > 256 || !pixels || pixels > 1024) return INVALID;
    map->windowed = 1, map->box[0] = channels, map->box[1] = pixels;
    return OK;
}

/* A map as words: its sizes, strides, box, corners and steps, of W before H. */
static void write_map(FILE *file, u64 at) {
    const Map *m = (const Map *)at;
    fprintf(file, " map,%lu,%lu,%d,%04d,sizes", at % 64, m->start, m->kind, m->modes);
    for (int i = 0; i < m->rank; i++) fprintf(file, ",%u", m->sizes[i]);
    fprintf(file, ",strides");
    for (int i = 0; i + 1 < m->rank; i++) fprintf(file, ",%lu", m->strides[i]);
    fprintf(file, ",box");
    int numbers = m->windowed ? 2 : m->rank;
    for (int i = 0; i < numbers; i++) fprintf(file, ",%d", m->box[i]);
    if (m->windowed) {
        fprintf(file, ",lower");
        for (int i = 0; i < m->rank - 2; i++) fprintf(file, ",%d", m->lower[i]);
        fprintf(file, ",upper");
        for (int i = 0; i < m->rank - 2; i++) fprintf(file, ",%d", m->upper[i]);
    }
    fprintf(file, ",steps");
    for (int i = 0; i < m->rank; i++) fprintf(file, ",%d", m->steps[i]);
}

int stub_cuLaunchKernel(Function *f, u32 x, u32 y, u32 z, u32 threads, u32 v, u32 w,
                        u32 shared, void *stream, void **params, void **extra) {
    FILE *file = log_file();
    fprintf(file, "%s %s %u,%u,%u %u,%u,%u %u", stream ? "record" : "launch", f->name,
            x, y, z, threads, v, w, shared);
    for (int i = 0; i < f->count; i++) {
        u64 value = 0;
        memcpy(&value, params[i], f->bytes[i]);
        if (f->bytes[i] == 8 && is_map(value)) {
            write_map(file, value);
        } else {
            fprintf(file, " %d,%lu", f->bytes[i], value);
        }
    }
    fprintf(file, "\n");
    return fflush(file), OK;
}

int stub_cuStreamCreate(void **stream, unsigned flags) {
    return *stream = &ptx, OK;
}
int stub_cuStreamDestroy(void *stream) { return OK; }
int stub_cuStreamBeginCapture(void *stream, int mode) { return OK; }
int stub_cuStreamEndCapture(void *stream, void **graph) {
    return *graph = &ptx, OK;
}
int stub_cuGraphInstantiateWithFlags(void **executable, void *graph, u64 flags) {
    return *executable = graph, OK;
}
int stub_cuGraphDestroy(void *graph) { return OK; }
int stub_cuGraphExecDestroy(void *executable) { return OK; }
int stub_cuGraphLaunch(void *executable, void *stream) {
    return fprintf(log_file(), "graph %d\n", stream == 0), fflush(log_file()), OK;
}
