# SPDX-License-Identifier: Apache-2.0
# Run once on the Entra Connect server, as administrator, in this folder:
#
#       .\Install-SosyncConnect.ps1 -Account CONTOSO\sosync            WinRM: the account (or group) of sosync
#       .\Install-SosyncConnect.ps1 -PublicKey 'ssh-ed25519 AAAA...'   SSH: the key of sosync; needs the OpenSSH server
#
# Both may be given. Run it again after an update. -Remove takes everything away, and gives the scheduler flag back.
[CmdletBinding()]
param([string]$Account, [string]$PublicKey, [switch]$Remove)

Set-StrictMode -Version 2
$ErrorActionPreference = 'Stop'
$module = Join-Path $env:ProgramFiles 'WindowsPowerShell\Modules\Sosync.Connect'
$folder = Join-Path $env:ProgramData 'sosync'
$keys = Join-Path $env:ProgramData 'ssh\administrators_authorized_keys'
$mark = 'sosync-connect'

if ($Remove) {
        Import-Module Sosync.Connect -ErrorAction SilentlyContinue
        if (Get-Command Invoke-Sosync -ErrorAction SilentlyContinue) { Invoke-Sosync -Line 'resume' }
        Unregister-PSSessionConfiguration -Name Sosync -Force -ErrorAction SilentlyContinue
        if (Test-Path $keys) { @(Get-Content $keys | Where-Object { $_ -notlike "* $mark" }) | Set-Content $keys }
        Remove-Item -Recurse -Force -Path $module, $folder -ErrorAction SilentlyContinue
        return
}
if (-not $Account -and -not $PublicKey) { throw 'give -Account for WinRM, or -PublicKey for SSH' }

New-Item -ItemType Directory -Force -Path (Join-Path $module 'RoleCapabilities'), $folder | Out-Null
Copy-Item -Force -Path 'Sosync.Connect.psm1', 'Sosync.Connect.psd1' -Destination $module
Copy-Item -Force -Path Sosync.psrc -Destination (Join-Path $module 'RoleCapabilities')
# Only administrators and the system may change what a lease restores.
& icacls.exe $folder /inheritance:r /grant 'SYSTEM:(OI)(CI)F' 'BUILTIN\Administrators:(OI)(CI)F' 'ADSyncAdmins:(OI)(CI)M' | Out-Null

if ($Account) {
        $configuration = Join-Path $folder 'Sosync.pssc'
        (Get-Content -Raw Sosync.pssc).Replace('CONTOSO\sosync', $Account) | Set-Content -Path $configuration
        Register-PSSessionConfiguration -Name Sosync -Path $configuration -Force | Out-Null
}
if ($PublicKey) {
        # The forced command gets the line in SSH_ORIGINAL_COMMAND; the key can do nothing else.
        $command = 'powershell.exe -NoProfile -NonInteractive -Command "Import-Module Sosync.Connect; try { Invoke-Sosync -Line $env:SSH_ORIGINAL_COMMAND } catch { [Console]::Error.WriteLine($_.Exception.Message); exit 1 }"'
        $line = 'restrict,command="' + $command.Replace('"', '\"') + '" ' + $PublicKey.Trim() + ' ' + $mark
        $others = @(if (Test-Path $keys) { Get-Content $keys | Where-Object { $_ -notlike "* $mark" } })
        @($others) + $line | Set-Content -Path $keys
        & icacls.exe $keys /inheritance:r /grant 'SYSTEM:F' 'BUILTIN\Administrators:F' | Out-Null
}
