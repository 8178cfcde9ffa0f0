/* Preloaded: after record(path) every change to a file or folder, and every sync, is appended to the file at `path`:
   one line of text, then the data of a write. mark(n) appends a mark. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static int sink = -1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void note(const void *data, size_t size, const char *format, ...) {
  char line[3 * PATH_MAX];
  va_list list;
  if (sink < 0) return;
  int error = errno;
  va_start(list, format);
  int length = vsnprintf(line, sizeof line, format, list);
  va_end(list);
  struct iovec parts[2] = {{line, length}, {(void *)data, size}};
  pthread_mutex_lock(&lock);
  if (syscall(SYS_writev, sink, parts, 2) != (ssize_t)(length + size)) sink = -1;
  pthread_mutex_unlock(&lock);
  errno = error;
}

void record(const char *path) { sink = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND, 0600); }
void mark(long n) { note(NULL, 0, "mark %ld\n", n); }

/* The inode of a regular file or folder, 0 of anything else. */
static unsigned long inode(int fd) {
  struct stat found;
  return fd > 2 && fd != sink && fstat(fd, &found) == 0 && (S_ISREG(found.st_mode) || S_ISDIR(found.st_mode))
             ? found.st_ino
             : 0;
}

static const char *whole(int at, const char *path, char *buffer) {
  char link[64];
  if (path[0] == '/') return path;
  if (at == AT_FDCWD)
    snprintf(link, sizeof link, "/proc/self/cwd");
  else
    snprintf(link, sizeof link, "/proc/self/fd/%d", at);
  ssize_t length = readlink(link, buffer, PATH_MAX);
  if (length < 0) length = 0;
  snprintf(buffer + length, PATH_MAX, "/%s", path);
  return buffer;
}

static int opened(int at, const char *path, int flags, mode_t mode) {
  char buffer[2 * PATH_MAX];
  struct stat before;
  int was = fstatat(at, path, &before, 0) == 0;
  int fd = syscall(SYS_openat, at, path, flags, mode);
  unsigned long ino = fd >= 0 && (flags & (O_CREAT | O_TRUNC)) ? inode(fd) : 0;
  if (ino && !was) note(NULL, 0, "create %lu %s\n", ino, whole(at, path, buffer));
  if (ino && was && (flags & O_TRUNC)) note(NULL, 0, "truncate %lu 0\n", ino);
  return fd;
}

#define OPEN(name, at_parameter, at)                                  \
  int name(at_parameter const char *path, int flags, ...) {           \
    va_list list;                                                     \
    va_start(list, flags);                                            \
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(list, mode_t) : 0; \
    va_end(list);                                                     \
    return opened(at, path, flags, mode);                             \
  }
#define AT int folder,
OPEN(open, , AT_FDCWD)
OPEN(open64, , AT_FDCWD)
OPEN(openat, AT, folder)
OPEN(openat64, AT, folder)

static ssize_t written(int fd, const void *data, ssize_t size, off64_t offset) {
  unsigned long ino = size > 0 ? inode(fd) : 0;
  if (ino) note(data, size, "write %lu %lld %zd\n", ino, (long long)offset, size);
  return size;
}
ssize_t write(int fd, const void *data, size_t size) {
  off64_t offset = sink < 0 ? 0 : lseek64(fd, 0, SEEK_CUR);
  if (sink >= 0 && fd != sink && (fcntl(fd, F_GETFL) & O_APPEND)) {
    struct stat found;
    if (fstat(fd, &found) == 0) offset = found.st_size;
  }
  return written(fd, data, syscall(SYS_write, fd, data, size), offset);
}
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset) {
  return written(fd, data, syscall(SYS_pwrite64, fd, data, size, offset), offset);
}
ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) { return pwrite64(fd, data, size, offset); }
int ftruncate64(int fd, off64_t length) {
  int result = syscall(SYS_ftruncate, fd, length);
  if (result == 0) note(NULL, 0, "truncate %lu %lld\n", inode(fd), (long long)length);
  return result;
}
int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }
int truncate(const char *path, off_t length) {
  struct stat found;
  int result = syscall(SYS_truncate, path, length);
  if (result == 0 && stat(path, &found) == 0)
    note(NULL, 0, "truncate %lu %lld\n", (unsigned long)found.st_ino, (long long)length);
  return result;
}
int truncate64(const char *path, off64_t length) { return truncate(path, length); }

static int done(int result, const char *what, const char *path) {
  char buffer[2 * PATH_MAX];
  struct stat found;
  if (result == 0 && sink >= 0)
    note(NULL, 0, "%s %lu %s\n", what, stat(path, &found) == 0 ? (unsigned long)found.st_ino : 0UL,
         whole(AT_FDCWD, path, buffer));
  return result;
}
int unlink(const char *path) { return done(syscall(SYS_unlinkat, AT_FDCWD, path, 0), "unlink", path); }
int rmdir(const char *path) { return done(syscall(SYS_unlinkat, AT_FDCWD, path, AT_REMOVEDIR), "unlink", path); }
int mkdir(const char *path, mode_t mode) { return done(syscall(SYS_mkdirat, AT_FDCWD, path, mode), "mkdir", path); }
int rename(const char *from, const char *to) {
  char first[2 * PATH_MAX], second[2 * PATH_MAX];
  int result = syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
  if (result == 0)
    note(NULL, 0, "rename %s\t%s\n", whole(AT_FDCWD, from, first), whole(AT_FDCWD, to, second));
  return result;
}
int fsync(int fd) {
  int result = syscall(SYS_fsync, fd);
  if (result == 0) note(NULL, 0, "sync %lu\n", inode(fd));
  return result;
}
int fdatasync(int fd) {
  int result = syscall(SYS_fdatasync, fd);
  if (result == 0) note(NULL, 0, "sync %lu\n", inode(fd));
  return result;
}
/* Copies within the system, which would not be seen here: callers then read and write instead. */
ssize_t sendfile(int out, int in, off_t *offset, size_t count) { errno = ENOTSUP; return -1; }
ssize_t sendfile64(int out, int in, off64_t *offset, size_t count) { errno = ENOTSUP; return -1; }
ssize_t copy_file_range(int in, off64_t *from, int out, off64_t *to, size_t size, unsigned flags) {
  errno = ENOSYS;
  return -1;
}
