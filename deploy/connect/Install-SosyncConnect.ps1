# SPDX-License-Identifier: Apache-2.0
# Run once on the Entra Connect server, in an elevated Windows PowerShell:
#
#       .\Install-SosyncConnect.ps1 -Account CONTOSO\sosync            WinRM: the account (or group) of sosync
#       .\Install-SosyncConnect.ps1 -PublicKey 'ssh-ed25519 AAAA...'   SSH: the key of sosync; needs the OpenSSH server
#
# Both may be given. Run it again after an update. At the end it has a task of SYSTEM use the scheduler's cmdlets once, changing nothing: that is
# what gives the flag back when sosync is gone. -Remove takes everything away, and gives the flag back if sosync holds it.
[CmdletBinding()]
param(
        [ValidatePattern("^[^']+$")][string]$Account,
        [ValidatePattern('^[a-z0-9@.-]+ [A-Za-z0-9+/=]+( [^"]*)?$')][string]$PublicKey,
        [switch]$Remove)

Set-StrictMode -Version 2
$ErrorActionPreference = 'Stop'
$module = Join-Path $env:ProgramFiles 'WindowsPowerShell\Modules\Sosync.Connect'
$folder = Join-Path $env:ProgramData 'sosync'
$keys = Join-Path $env:ProgramData 'ssh\administrators_authorized_keys'
$mark = 'sosync-connect'
# Names differ with the language of Windows; these are SYSTEM and Administrators everywhere.
$onlyAdministrators = '*S-1-5-18:(OI)(CI)F', '*S-1-5-32-544:(OI)(CI)F'

function Set-Access($Path, [string[]]$Grants) {
        & icacls.exe $Path /inheritance:r /grant $Grants | Out-Null
        if ($LASTEXITCODE -ne 0) { throw "the access rights of $Path could not be set (icacls: $LASTEXITCODE)" }
}

# Lines of the file that are not ours.
function Get-OtherKeys { @(if (Test-Path $keys) { Get-Content $keys | Where-Object { $_ -notlike "* $mark" } }) }

function Remove-Session {
        if (Get-PSSessionConfiguration -Name Sosync -ErrorAction SilentlyContinue) { Unregister-PSSessionConfiguration -Name Sosync -Force }
}

# Does the task that gives the flag back have the right to? Sets the flag to what it is.
function Test-Task {
        $name = 'sosync tries the scheduler'
        $command = '-NoProfile -NonInteractive -Command "try { Import-Module ADSync; Set-ADSyncScheduler -SyncCycleEnabled (Get-ADSyncScheduler -ErrorAction Stop).SyncCycleEnabled -ErrorAction Stop; exit 0 } catch { exit 1 }"'
        $action = New-ScheduledTaskAction -Execute 'powershell.exe' -Argument $command
        Register-ScheduledTask -Force -TaskName $name -Action $action -User 'SYSTEM' -RunLevel Highest | Out-Null
        try {
                Start-ScheduledTask -TaskName $name
                # 267009: it runs, 267011: it has not run yet.
                for ($i = 0; $i -lt 120; $i++) {
                        Start-Sleep -Milliseconds 500
                        $result = (Get-ScheduledTaskInfo -TaskName $name).LastTaskResult
                        if (267009, 267011 -notcontains $result) { break }
                }
        } finally {
                Unregister-ScheduledTask -TaskName $name -Confirm:$false
        }
        if ($result -ne 0) {
                throw "a task of SYSTEM cannot use Set-ADSyncScheduler (result $result): when sosync's machine is gone, the scheduler's flag would stay where it was. Is the ADSync service running? Is SYSTEM a member of ADSyncAdmins?"
        }
}

if ($Remove) {
        Import-Module Sosync.Connect -ErrorAction SilentlyContinue
        if (Get-Command Restore-SosyncFlag -ErrorAction SilentlyContinue) { Restore-SosyncFlag -All }
        Remove-Session
        if (Test-Path $keys) { Set-Content -Encoding Ascii -Path $keys -Value @(Get-OtherKeys) }
        Remove-Item -Recurse -Force -Path $module, $folder -ErrorAction SilentlyContinue
        'sosync is removed from this server.'
        return
}
if (-not $Account -and -not $PublicKey) { throw 'give -Account for WinRM, or -PublicKey for SSH' }

New-Item -ItemType Directory -Force -Path (Join-Path $module 'RoleCapabilities'), $folder | Out-Null
Copy-Item -Force -Path (Join-Path $PSScriptRoot 'Sosync.Connect.psm1'), (Join-Path $PSScriptRoot 'Sosync.Connect.psd1') -Destination $module
Copy-Item -Force -Path (Join-Path $PSScriptRoot 'Sosync.psrc') -Destination (Join-Path $module 'RoleCapabilities')
# Only administrators and the system may change what a lease restores.
Set-Access $folder $onlyAdministrators
Import-Module ScheduledTasks
Test-Task

if ($PublicKey) {
        if (-not (Test-Path (Split-Path $keys))) { throw "there is no $(Split-Path $keys): install the OpenSSH server first (Add-WindowsCapability -Online -Name OpenSSH.Server~~~~0.0.1.0)" }
        # Whatever the key asks for becomes the environment of this command; it can do nothing else.
        $command = 'powershell.exe -NoProfile -NonInteractive -Command \"Import-Module Sosync.Connect; Invoke-SosyncOverSsh\"'
        $line = 'restrict,command="' + $command + '" ' + $PublicKey.Trim() + ' ' + $mark
        Set-Content -Encoding Ascii -Path $keys -Value (@(Get-OtherKeys) + $line)
        Set-Access $keys '*S-1-5-18:F', '*S-1-5-32-544:F'
        'SSH: the key of sosync may ask.'
}
# Last, because it restarts WinRM.
if ($Account) {
        $configuration = Join-Path $folder 'Sosync.pssc'
        $sid = New-Object System.Security.Principal.SecurityIdentifier 'S-1-5-32-544'
        $administrators = $sid.Translate([System.Security.Principal.NTAccount]).Value.Split('\')[-1]
        $text = Get-Content -Raw -Path (Join-Path $PSScriptRoot 'Sosync.pssc')
        $text.Replace('CONTOSO\sosync', $Account).Replace("'Administrators'", "'$administrators'") | Set-Content -Encoding UTF8 -Path $configuration
        Remove-Session
        Register-PSSessionConfiguration -Name Sosync -Path $configuration -Force | Out-Null
        "WinRM: $Account may ask."
}
