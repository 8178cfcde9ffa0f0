/* A libnidaqmx.so.1 that knows one device, "Dev1", so that nidaqmx's native path (ctypes) can be run without NI's driver.
 *
 * It has no state but one task, no pace, no errors but -200170 and one warning; sample k of channel c reads the code 100 * c + k % 100.
 * Types and signatures follow NIDAQmx.h. The attribute functions are variadic there; on the platforms NI supports their
 * integer and pointer arguments arrive the same way.
 */
#include <stdint.h>
#include <string.h>

typedef void *Task;
enum { CHANNELS = 32, OK = 0, NO_SUCH_CHANNEL = -200170, NOT_SUPPORTED = -200197,
       STOPPED_BEFORE_DONE = 200010 };

static int channels;
static double rate;

static int32_t text(const char *value, void *out, uint32_t size)
{
    uint32_t needed = (uint32_t)strlen(value) + 1;
    if (out == NULL || size == 0)
        return (int32_t)needed;
    strncpy(out, value, size);
    return OK;
}

static int32_t number(double value, void *out)
{
    memcpy(out, &value, sizeof value);
    return OK;
}

static int32_t integer(uint32_t value, void *out)
{
    memcpy(out, &value, sizeof value);
    return OK;
}

static int count_channels(const char *names)
{
    int count = 1;
    for (; *names; names++)
        count += *names == ',';
    return count;
}

int32_t DAQmxSetRuntimeEnvironment(const char *a, const char *b, const char *c, const char *d)
{
    (void)a, (void)b, (void)c, (void)d;
    return OK;
}

int32_t DAQmxGetSystemInfoAttribute(int32_t attribute, void *value, uint32_t size)
{
    switch (attribute) {
    case 0x1272: return integer(24, value);
    case 0x1923: return integer(0, value);
    case 0x2F22: return integer(0, value);
    case 0x193B: return text("Dev1", value, size);
    }
    return NOT_SUPPORTED;
}

int32_t DAQmxGetDeviceAttribute(const char *device, int32_t attribute, void *value, uint32_t size)
{
    (void)device;
    switch (attribute) {
    case 0x0631: return text("PXIe-6363", value, size);
    case 0x0632: return integer(0xABCDEF, value);
    case 0x298F: return integer(0, value); /* simultaneous sampling */
    }
    return NOT_SUPPORTED;
}

int32_t DAQmxCreateTask(const char *name, Task *task)
{
    (void)name;
    *task = (Task)(intptr_t)1;
    channels = 0;
    return OK;
}

int32_t DAQmxCreateAIVoltageChan(Task task, const char *physical, const char *name, int32_t terminal, double low,
                                 double high, int32_t units, const char *scale)
{
    (void)task, (void)name, (void)terminal, (void)low, (void)high, (void)units, (void)scale;
    if (strstr(physical, "ai99"))
        return NO_SUCH_CHANNEL;
    channels += count_channels(physical);
    return channels <= CHANNELS ? OK : NO_SUCH_CHANNEL;
}

int32_t DAQmxCfgSampClkTiming(Task task, const char *source, double hz, int32_t edge, int32_t mode, uint64_t samples)
{
    (void)task, (void)source, (void)edge, (void)mode, (void)samples;
    rate = hz;
    return OK;
}

int32_t DAQmxClearTask(Task task) { (void)task; return OK; }
int32_t DAQmxStartTask(Task task) { (void)task; return OK; }
int32_t DAQmxStopTask(Task task) { (void)task; return STOPPED_BEFORE_DONE; }
int32_t DAQmxTaskControl(Task task, int32_t action) { (void)task, (void)action; return OK; }

int32_t DAQmxGetTaskAttribute(Task task, int32_t attribute, void *value, uint32_t size)
{
    (void)task;
    if (attribute == 0x1276)
        return text("_unnamedTask<0>", value, size);
    if (attribute == 0x1273) {
        char names[16 * CHANNELS] = "";
        for (int k = 0; k < channels; k++) {
            char name[] = "Dev1/ai00, ";
            name[7] = (char)(k < 10 ? '0' + k : '0' + k / 10);
            if (k < 10)
                memcpy(name + 8, ", ", 3);
            else
                name[8] = (char)('0' + k % 10);
            strcat(names, name);
        }
        if (channels)
            names[strlen(names) - 2] = 0;
        return text(names, value, size);
    }
    return NOT_SUPPORTED;
}

int32_t DAQmxGetReadAttribute(Task task, int32_t attribute, void *value, uint32_t size)
{
    switch (attribute) {
    case 0x217B: return integer((uint32_t)channels, value);
    case 0x1823: return DAQmxGetTaskAttribute(task, 0x1273, value, size);
    }
    return NOT_SUPPORTED;
}

int32_t DAQmxGetTimingAttribute(Task task, int32_t attribute, void *value, uint32_t size)
{
    (void)task, (void)size;
    switch (attribute) {
    case 0x1344: return number(rate, value);
    case 0x1848: return number(rate * channels, value);
    }
    return NOT_SUPPORTED;
}

int32_t DAQmxSetTimingAttribute(Task task, int32_t attribute, const void *value)
{
    (void)task, (void)value; /* a number comes in another register */
    return attribute == 0x1315 || attribute == 0x1316 || attribute == 0x1848 ? OK : NOT_SUPPORTED;
}

int32_t DAQmxGetChanAttribute(Task task, const char *channel, int32_t attribute, void *value, uint32_t size)
{
    static const double polynomial[4] = {0.001, 6e-5, 1e-12, -1e-17};
    (void)task, (void)channel;
    switch (attribute) {
    case 0x187F: return integer(10100, value); /* analog input */
    case 0x0695: return integer(10322, value); /* voltage */
    case 0x22DA: return integer(16, value);
    case 0x0050: return integer(10279, value); /* right-justified */
    case 0x1765: return number(16, value);
    case 0x1815: return number(2.0, value);
    case 0x1930:
        if (size == 0)
            return 4;
        memcpy(value, polynomial, sizeof polynomial);
        return OK;
    }
    return NOT_SUPPORTED;
}

int32_t DAQmxReadAnalogF64(Task task, int32_t count, double timeout, uint32_t fill, double *data, uint32_t size,
                           int32_t *read, uint32_t *reserved)
{
    (void)task, (void)timeout, (void)fill, (void)reserved;
    for (uint32_t k = 0; k < (uint32_t)(count * channels) && k < size; k++)
        data[k] = k / (uint32_t)count; /* by channel: the number of the channel */
    *read = count;
    return OK;
}

int32_t DAQmxReadBinaryI16(Task task, int32_t count, double timeout, uint32_t fill, int16_t *data, uint32_t size,
                           int32_t *read, uint32_t *reserved)
{
    (void)task, (void)timeout, (void)fill, (void)reserved;
    for (int c = 0; c < channels; c++)
        for (int32_t k = 0; k < count && (uint32_t)(c * count + k) < size; k++)
            data[c * count + k] = (int16_t)(100 * c + k % 100); /* by channel */
    *read = count;
    return OK;
}

int32_t DAQmxGetExtendedErrorInfo(char *out, uint32_t size) { return text("Stub: no such channel.", out, size); }
int32_t DAQmxGetErrorString(int32_t code, char *out, uint32_t size) { (void)code; return text("Stub.", out, size); }
