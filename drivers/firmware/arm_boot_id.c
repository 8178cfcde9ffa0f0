/* The boot id on an STM32F446, which has no EEPROM: a sector of flash (arm.ld) in which each boot fills one half-word.
 *
 * The backup registers would not do: on a NUCLEO they lose their supply with the USB cable. 8192 boots fill the sector, so
 * its endurance of 10 000 erasures suffices for 8e7 boots. If the supply fails while an id is written, the half-word has
 * more ones than that id, so it reads as a number that is not lower, and the next boot gets a different id from the last.
 */
#include "arm_port.h"

enum { SECTOR = 3, SLOTS = 8192, BLANK = 0xFFFF };
enum { HALF_WORD = 1, WORD = 2 }; /* PSIZE: how much is written or erased at once, at 2.7 V or more */
enum { ERRORS = FLASH_SR_EOP | FLASH_SR_WRPERR | FLASH_SR_PGAERR | FLASH_SR_PGPERR | FLASH_SR_PGSERR };

extern volatile uint16_t boot_ids[SLOTS];

/* Memory that only a loss of power clears. It replaces a flash that is worn out, or that an emulator does not have. */
static uint16_t kept __attribute__((section(".noinit")));

/* The processor runs from this flash, so it stalls until the flash is done. */
static void finish(void)
{
    comes(&FLASH->SR, FLASH_SR_BSY, 0);
    FLASH->CR = 0;
}

static void erase(void)
{
    FLASH->CR = FLASH_CR_SER | SECTOR << FLASH_CR_SNB_Pos | WORD << FLASH_CR_PSIZE_Pos;
    FLASH->CR |= FLASH_CR_STRT;
    finish();
}

static void write(uint16_t slot, uint16_t id)
{
    FLASH->CR = FLASH_CR_PG | HALF_WORD << FLASH_CR_PSIZE_Pos;
    boot_ids[slot] = id;
    __asm__ volatile("dsb" ::: "memory");
    finish();
}

/* Call before the caches of the flash are switched on: they would return the old contents. */
uint16_t next_boot_id(void)
{
    uint16_t slot = 0, id;
    while (slot < SLOTS && boot_ids[slot] != BLANK)
        slot++;
    id = slot ? (uint16_t)(boot_ids[slot - 1] + 1) : 0;
    if (id == BLANK)
        id = 0;
    FLASH->KEYR = FLASH_KEY1;
    FLASH->KEYR = FLASH_KEY2;
    FLASH->SR = ERRORS; /* writing a one clears each */
    if (slot == SLOTS) {
        slot = 0;
        erase();
    }
    write(slot, id);
    FLASH->CR = FLASH_CR_LOCK;
    kept = boot_ids[slot] == id ? id : (uint16_t)(kept + 1);
    return kept;
}
