"""The made-up customers of a large platform: seven employees, two departments and three numbers each."""

from __future__ import annotations

from pathlib import Path


def write_tenant(root: Path, index: int, patronymic: str = "", devices: str = "") -> Path:
    """Write one tenant's file into a project.

    Args: patronymic, devices: what each employee's name ends with, and their field of that name, when it is
    written.
    """
    number = 74950000000 + 10 * index
    name, more = f" {patronymic}" if patronymic else "", f", devices: {devices}" if devices else ""
    employees = "".join(
        f'  - {{extension: "{101 + each}", name: Сотрудник {each}{name}{more}}}\n' for each in range(7)
    )
    path = root / "tenants" / f"t{index:05d}.yaml"
    text = f"""version: 1
name: t{index:05d}
title: ООО «Клиент {index}»
tariff: master
caller_id: "+{number}"
options: [recording]
employees:
{employees}departments:
  sales: {{extension: "200", title: Отдел продаж, members: ["101", "102", "103"]}}
  support: {{extension: "201", title: Поддержка, members: ["104", "105"], ring_timeout_s: 45}}
numbers:
  "+{number}": {{department: sales}}
  "+{number + 1}": {{employee: "101"}}
  "+{number + 2}": {{outside: "+79161234567"}}
"""
    path.write_bytes(text.encode())
    return path
