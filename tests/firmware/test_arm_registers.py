"""Addresses and bits of arm_registers.h against the STM32F446's header by ST.

The core's own registers are not in that header: the program uses each of them in QEMU (test_arm_in_qemu.py).
"""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
from firmware.builds import SOURCES

# STMicroelectronics/cmsis_device_f4, Include/stm32f446xx.h, commit cdbad761, taken from it by a script.
OFFSETS = {
    "gpio": {
        "MODER": 0x00,
        "OTYPER": 0x04,
        "OSPEEDR": 0x08,
        "PUPDR": 0x0C,
        "IDR": 0x10,
        "ODR": 0x14,
        "BSRR": 0x18,
        "LCKR": 0x1C,
        "AFR": 0x20,
    },
    "rcc": {
        "CR": 0x00,
        "PLLCFGR": 0x04,
        "CFGR": 0x08,
        "CIR": 0x0C,
        "AHB1RSTR": 0x10,
        "AHB2RSTR": 0x14,
        "AHB3RSTR": 0x18,
        "APB1RSTR": 0x20,
        "APB2RSTR": 0x24,
        "AHB1ENR": 0x30,
        "AHB2ENR": 0x34,
        "AHB3ENR": 0x38,
        "APB1ENR": 0x40,
        "APB2ENR": 0x44,
        "AHB1LPENR": 0x50,
        "AHB2LPENR": 0x54,
        "AHB3LPENR": 0x58,
        "APB1LPENR": 0x60,
        "APB2LPENR": 0x64,
        "BDCR": 0x70,
        "CSR": 0x74,
    },
    "flash": {"ACR": 0x00, "KEYR": 0x04, "OPTKEYR": 0x08, "SR": 0x0C, "CR": 0x10},
    "iwdg": {"KR": 0x00, "PR": 0x04, "RLR": 0x08, "SR": 0x0C},
    "usart": {"SR": 0x00, "DR": 0x04, "BRR": 0x08, "CR1": 0x0C, "CR2": 0x10, "CR3": 0x14, "GTPR": 0x18},
    "spi": {"CR1": 0x00, "CR2": 0x04, "SR": 0x08, "DR": 0x0C},
    "tim": {
        "CR1": 0x00,
        "CR2": 0x04,
        "SMCR": 0x08,
        "DIER": 0x0C,
        "SR": 0x10,
        "EGR": 0x14,
        "CCMR1": 0x18,
        "CCMR2": 0x1C,
        "CCER": 0x20,
        "CNT": 0x24,
        "PSC": 0x28,
        "ARR": 0x2C,
    },
}
VALUES = {
    "RCC_BASE": 0x40023800,
    "RCC_CR_HSEON": 0x10000,
    "RCC_CR_HSERDY": 0x20000,
    "RCC_CR_HSEBYP": 0x40000,
    "RCC_CR_PLLON": 0x1000000,
    "RCC_CR_PLLRDY": 0x2000000,
    "RCC_PLLCFGR_PLLM_Pos": 0,
    "RCC_PLLCFGR_PLLN_Pos": 6,
    "RCC_PLLCFGR_PLLSRC_HSE": 0x400000,
    "RCC_PLLCFGR_PLLQ_Pos": 24,
    "RCC_PLLCFGR_PLLR_Pos": 28,
    "RCC_CFGR_SW_PLL": 0x2,
    "RCC_CFGR_SWS": 0xC,
    "RCC_CFGR_SWS_PLL": 0x8,
    "RCC_CFGR_PPRE1_DIV4": 0x1400,
    "RCC_CFGR_PPRE2_DIV2": 0x8000,
    "RCC_AHB1ENR_GPIOAEN": 0x1,
    "RCC_AHB1ENR_GPIOBEN": 0x2,
    "RCC_AHB1ENR_GPIOCEN": 0x4,
    "RCC_APB1ENR_TIM2EN": 0x1,
    "RCC_APB1ENR_USART2EN": 0x20000,
    "RCC_APB2ENR_SPI1EN": 0x1000,
    "RCC_CSR_RMVF": 0x1000000,
    "RCC_CSR_BORRSTF": 0x2000000,
    "RCC_CSR_PINRSTF": 0x4000000,
    "RCC_CSR_PORRSTF": 0x8000000,
    "RCC_CSR_SFTRSTF": 0x10000000,
    "RCC_CSR_IWDGRSTF": 0x20000000,
    "FLASH_R_BASE": 0x40023C00,
    "FLASH_CR_LOCK": 0x80000000,
    "FLASH_ACR_LATENCY_4WS": 0x4,
    "FLASH_ACR_PRFTEN": 0x100,
    "FLASH_ACR_ICEN": 0x200,
    "FLASH_ACR_DCEN": 0x400,
    "FLASH_SR_EOP": 0x1,
    "FLASH_SR_WRPERR": 0x10,
    "FLASH_SR_PGAERR": 0x20,
    "FLASH_SR_PGPERR": 0x40,
    "FLASH_SR_PGSERR": 0x80,
    "FLASH_SR_BSY": 0x10000,
    "FLASH_CR_PG": 0x1,
    "FLASH_CR_SER": 0x2,
    "FLASH_CR_SNB_Pos": 3,
    "FLASH_CR_PSIZE_Pos": 8,
    "FLASH_CR_STRT": 0x10000,
    "IWDG_BASE": 0x40003000,
    "IWDG_SR_PVU": 0x1,
    "IWDG_SR_RVU": 0x2,
    "USART2_BASE": 0x40004400,
    "USART2_IRQn": 38,
    "USART_SR_ORE": 0x8,
    "USART_SR_RXNE": 0x20,
    "USART_SR_TXE": 0x80,
    "USART_CR1_RE": 0x4,
    "USART_CR1_TE": 0x8,
    "USART_CR1_RXNEIE": 0x20,
    "USART_CR1_TXEIE": 0x80,
    "USART_CR1_UE": 0x2000,
    "SPI1_BASE": 0x40013000,
    "SPI_CR1_CPHA": 0x1,
    "SPI_CR1_MSTR": 0x4,
    "SPI_CR1_BR_Pos": 3,
    "SPI_CR1_SPE": 0x40,
    "SPI_CR1_SSI": 0x100,
    "SPI_CR1_SSM": 0x200,
    "SPI_SR_RXNE": 0x1,
    "SPI_SR_BSY": 0x80,
    "TIM2_BASE": 0x40000000,
    "TIM_CR1_CEN": 0x1,
    "TIM_EGR_UG": 0x1,
    "GPIOA_BASE": 0x40020000,
    "GPIOB_BASE": 0x40020400,
    "GPIOC_BASE": 0x40020800,
}

HEADER = SOURCES / "arm_registers.h"
NOT_IN_ITS_HEADER = {
    *("GPIO_BASE", "GPIO_STEP", "FLASH_KEY1", "FLASH_KEY2"),
    *("IWDG_START", "IWDG_UNLOCK", "IWDG_RELOAD", "IWDG_PR_DIV16"),  # RM0390: register descriptions
    *("SYSTICK_RUN", "NVIC_ISER", "NVIC_IPR", "SHPR_SYSTICK", "ICSR_PENDSTCLR", "ICSR_PENDSTSET", "AIRCR_RESET"),
}


@pytest.fixture(scope="module")
def ours(tmp_path_factory) -> dict[str, int]:
    """What the compiler makes of arm_registers.h."""
    if shutil.which("cc") is None:
        pytest.skip("cc is not installed")
    folder = tmp_path_factory.mktemp("registers")
    places = [f"{block}.{name}" for block, names in OFFSETS.items() for name in names]
    lines = [f"    show({place}, offsetof(struct {place.replace('.', ', ')}));" for place in places]
    lines += [f"    show({name}, {name});" for name in VALUES if not name.startswith("GPIO")]
    lines += [f"    show(GPIO{port}_BASE, (uintptr_t)GPIO({k}));" for k, port in enumerate("ABC")]
    (folder / "show.c").write_text(
        '#include <stddef.h>\n#include <stdio.h>\n#include "arm_registers.h"\n'
        '#define show(name, value) printf(#name " %lu\\n", (unsigned long)(value))\n'
        "int main(void)\n{\n" + "\n".join(lines) + "\n    return 0;\n}\n"
    )
    subprocess.run(["cc", f"-I{SOURCES}", "-o", folder / "show", folder / "show.c"], check=True)
    said = subprocess.run([folder / "show"], capture_output=True, text=True, check=True).stdout
    return {name: int(value) & 0xFFFFFFFF for name, value in (line.split() for line in said.splitlines())}


def test_registers_are_where_the_vendor_has_them(ours):
    theirs = {f"{block}.{name}": offset for block, names in OFFSETS.items() for name, offset in names.items()}
    assert ours == theirs | VALUES


def test_no_name_goes_unchecked():
    text = re.sub(r"/\*.*?\*/", "", HEADER.read_text("utf-8"), flags=re.DOTALL)
    assert set(re.findall(r"\b[A-Z]+[12]?_[A-Z0-9]\w+\b", text)) - {"ARM_REGISTERS_H"} - NOT_IN_ITS_HEADER <= set(
        VALUES
    )
    for block, names in OFFSETS.items():
        members = re.search(rf"struct {block} \{{(.*?)\}}", text, re.DOTALL)
        assert members is not None
        assert set(re.findall(r"\b[A-Z]\w+", members[1])) == set(names)
