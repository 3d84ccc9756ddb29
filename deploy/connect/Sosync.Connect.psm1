# SPDX-License-Identifier: Apache-2.0
# sosync's side of an Entra Connect server: five words, and nothing else.
#
# Invoke-Sosync takes one line (sosync-connect makes it) and answers with JSON. Whoever may call it can read the scheduler,
# pause it for a limited time, give it back, ask for the sync of one object and for a delta cycle: no other cmdlet, no path,
# no script. Windows PowerShell 5.1, because the ADSync module is.
#
# The pause is a lease. Who holds it, until when, and what SyncCycleEnabled was before the first is in holders.json; a
# scheduled task gives the flag back when the last lease has run out, whatever became of sosync.

Set-StrictMode -Version 2
$ErrorActionPreference = 'Stop'
# A JEA session does not load modules by itself when a cmdlet of theirs is called.
Import-Module -Name 'Microsoft.PowerShell.Management', 'Microsoft.PowerShell.Utility'

$Folder = Join-Path $env:ProgramData 'sosync'
$HoldersFile = Join-Path $Folder 'holders.json'
$LockFile = Join-Path $Folder 'holders.lock'
$TaskName = 'sosync gives the scheduler flag back'
$Diagnostics = Join-Path $env:ProgramFiles 'Microsoft Azure AD Sync\Bin\ADSyncDiagnostics\ADSyncDiagnostics.psm1'
$LeaseMax = 3660

# One at a time, over all sessions: reading, changing and writing the file is one act. A file that nobody else may open, and not a
# named mutex: one that SYSTEM has made cannot be taken by an administrator. It ends with the process that holds it.
function Use-HoldersLock([scriptblock]$Act) {
        $lock = $null
        for ($i = 0; -not $lock; $i++) {
                try {
                        $lock = [System.IO.File]::Open($LockFile, 'OpenOrCreate', 'ReadWrite', 'None')
                } catch [System.IO.IOException] {
                        if ($i -ge 200) { throw "another session holds the lock of the holders, or $Folder is gone: $($_.Exception.Message)" }
                        Start-Sleep -Milliseconds 100
                }
        }
        try { & $Act } finally { $lock.Dispose() }
}

# { Previous, Holders: [{ Name, Until }] }; times in UTC, ISO 8601. A file that cannot be read is one without holders
# whose flag was true: the flag then comes back, which is the safe side.
function Read-Holders {
        if (-not (Test-Path $HoldersFile)) { return @{ Previous = $true; Holders = @() } }
        try {
                $o = Get-Content -Raw -Path $HoldersFile | ConvertFrom-Json
                return @{ Previous = [bool]$o.Previous; Holders = @($o.Holders | Where-Object { $_.Name -and $_.Until }) }
        } catch {
                return @{ Previous = $true; Holders = @() }
        }
}

function Write-Holders($State) {
        $temporary = "$HoldersFile.new"
        @{ Previous = $State.Previous; Holders = @($State.Holders) } | ConvertTo-Json -Depth 4 | Set-Content -Path $temporary -Encoding UTF8
        Move-Item -Force -Path $temporary -Destination $HoldersFile
}

function Get-Now { (Get-Date).ToUniversalTime() }

function Test-Over($Holder) {
        [datetime]::Parse($Holder.Until, [cultureinfo]::InvariantCulture, [System.Globalization.DateTimeStyles]::RoundtripKind) -le (Get-Now)
}

# The task outlives every session and a restart of the server. It runs when a lease ends, and then once a minute until it
# has done its work, should that moment have been missed. A trigger knows whole seconds only: one more, or it comes too early
# and the flag a minute late. On a machine on its battery a task does not run unless it is told to.
function Register-GivingBack($Seconds) {
        Import-Module ScheduledTasks
        $command = '-NoProfile -NonInteractive -Command "Import-Module Sosync.Connect; Restore-SosyncFlag"'
        $action = New-ScheduledTaskAction -Execute 'powershell.exe' -Argument $command
        $before = Get-ScheduledTask -TaskName $TaskName -ErrorAction SilentlyContinue
        $others = @(if ($before) { $before.Triggers | Where-Object { $_.StartBoundary -and [datetime]$_.StartBoundary -gt (Get-Date) } })
        $trigger = New-ScheduledTaskTrigger -Once -At (Get-Date).AddSeconds($Seconds + 1) -RepetitionInterval (New-TimeSpan -Minutes 1)
        $startup = New-ScheduledTaskTrigger -AtStartup
        $settings = New-ScheduledTaskSettingsSet -AllowStartIfOnBatteries -DontStopIfGoingOnBatteries -StartWhenAvailable -ExecutionTimeLimit (New-TimeSpan -Minutes 5)
        Register-ScheduledTask -Force -TaskName $TaskName -Action $action -Trigger (@($trigger, $startup) + $others) -Settings $settings -User 'SYSTEM' -RunLevel Highest | Out-Null
}

# What the task runs: leases that are over end; with the last, the flag is as it was. -All: every lease ends now.
function Restore-SosyncFlag([switch]$All) {
        Import-Module -Name 'ADSync', 'ScheduledTasks'
        Use-HoldersLock {
                $state = Read-Holders
                $left = @($state.Holders | Where-Object { -not $All -and -not (Test-Over $_) })
                if ($left.Count -lt @($state.Holders).Count) {
                        if ($left.Count -eq 0 -and $state.Previous) { Set-ADSyncScheduler -SyncCycleEnabled $true }
                        $state.Holders = $left
                        Write-Holders $state
                }
                if ($left.Count -eq 0) {
                        Unregister-ScheduledTask -TaskName $TaskName -Confirm:$false -ErrorAction SilentlyContinue
                }
        }
}

function Get-SosyncStatus {
        $state = Read-Holders
        # An array of strings and nothing around it, or Windows PowerShell writes {"value": [...], "Count": n}.
        [string[]]$names = @($state.Holders | Where-Object { -not (Test-Over $_) } | ForEach-Object { "$($_.Name)" })
        Get-ADSyncScheduler | Add-Member -NotePropertyName SosyncHolders -NotePropertyValue $names -PassThru | ConvertTo-Json -Compress -Depth 3
}

# The lease is written and the task registered before the flag is touched: whatever dies in between, it comes back.
function Suspend-SosyncCycle($Seconds, $Name) {
        Use-HoldersLock {
                $state = Read-Holders
                if (-not $Name) {
                        $state.Previous = $false
                        Write-Holders $state
                        Set-ADSyncScheduler -SyncCycleEnabled $false
                        return
                }
                $others = @($state.Holders | Where-Object { $_.Name -ne $Name -and -not (Test-Over $_) })
                if (@($state.Holders).Count -eq 0) { $state.Previous = [bool](Get-ADSyncScheduler).SyncCycleEnabled }
                $state.Holders = $others + @(@{ Name = $Name; Until = (Get-Now).AddSeconds($Seconds).ToString('o') })
                Write-Holders $state
                Register-GivingBack $Seconds
                Set-ADSyncScheduler -SyncCycleEnabled $false
        }
}

function Resume-SosyncCycle($Name) {
        Use-HoldersLock {
                $state = Read-Holders
                if (-not $Name) {
                        Set-ADSyncScheduler -SyncCycleEnabled $true
                        Write-Holders @{ Previous = $true; Holders = @() }
                        return
                }
                $left = @($state.Holders | Where-Object { $_.Name -ne $Name -and -not (Test-Over $_) })
                if ($left.Count -eq 0 -and $state.Previous -and @($state.Holders).Count -gt 0) { Set-ADSyncScheduler -SyncCycleEnabled $true }
                $state.Holders = $left
                Write-Holders $state
        }
}

function Sync-SosyncObject($DnBase64, $Staging) {
        $dn = [Text.Encoding]::UTF8.GetString([Convert]::FromBase64String($DnBase64))
        Import-Module -Name $Diagnostics
        $arguments = @{ DistinguishedName = $dn; NoHtmlReport = $true }
        if ($Staging) { $arguments.StagingMode = $true }
        # The cmdlet writes progress for people; its answer is the JSON.
        $answer = Invoke-ADSyncSingleObjectSync @arguments 6>$null
        # Text as it is: Out-String would format it for a screen.
        @($answer | ForEach-Object { if ($_ -is [string]) { $_ } else { ConvertTo-Json -InputObject $_ -Depth 20 } }) -join "`n"
}

function Start-SosyncCycle {
        $result = Start-ADSyncSyncCycle -PolicyType Delta
        @{ Result = "$($result.Result)" } | ConvertTo-Json -Compress
}

# The words of a line, by a table: verb -> the options it takes. Anything else is refused, and nothing is evaluated.
$Verbs = @{
        status = @()
        pause  = @('--for', '--holder')
        resume = @('--holder')
        sync   = @('--dn-base64', '--staging-mode')
        cycle  = @()
}

function Read-Line($Line) {
        $words = @($Line -split ' ' | Where-Object { $_ })
        if ($Line -notmatch '^[A-Za-z0-9@._=+/ -]{1,16384}$' -or $words.Count -eq 0 -or -not $Verbs.ContainsKey($words[0])) {
                throw 'this line is nothing that sosync says'
        }
        $given = @{ Verb = $words[0] }
        for ($i = 1; $i -lt $words.Count; $i++) {
                if ($Verbs[$words[0]] -notcontains $words[$i]) { throw "$($words[0]) does not take $($words[$i])" }
                if ($words[$i] -eq '--staging-mode') { $given[$words[$i]] = $true; continue }
                if ($i + 1 -eq $words.Count) { throw "$($words[$i]) needs a value" }
                $given[$words[$i]] = $words[$i + 1]
                $i++
        }
        $given
}

function Invoke-Sosync {
        param([Parameter(Mandatory = $true)][ValidateLength(1, 16384)][string]$Line)
        $given = Read-Line $Line
        Import-Module ADSync
        switch ($given.Verb) {
                'status' { Get-SosyncStatus }
                'pause' {
                        $seconds = 0
                        if ($given.ContainsKey('--for') -ne $given.ContainsKey('--holder')) { throw 'pause takes --for and --holder together' }
                        if ($given.ContainsKey('--for') -and (-not [int]::TryParse($given['--for'], [ref]$seconds) -or $seconds -lt 1 -or $seconds -gt $LeaseMax)) {
                                throw "--for is not a number of seconds up to $LeaseMax"
                        }
                        Suspend-SosyncCycle $seconds $given['--holder']
                }
                'resume' { Resume-SosyncCycle $given['--holder'] }
                'sync' {
                        if (-not $given.ContainsKey('--dn-base64')) { throw 'sync needs --dn-base64' }
                        Sync-SosyncObject $given['--dn-base64'] $given.ContainsKey('--staging-mode')
                }
                'cycle' { Start-SosyncCycle }
        }
}

# What sshd runs as the forced command of sosync's key: the line comes in SSH_ORIGINAL_COMMAND. The answer leaves as the bytes of UTF-8:
# written as text it would be in the code page of a console, where a name with an umlaut is not JSON any more.
function Invoke-SosyncOverSsh {
        $global:ProgressPreference = 'SilentlyContinue'
        try {
                $bytes = [System.Text.Encoding]::UTF8.GetBytes((@(Invoke-Sosync -Line "$env:SSH_ORIGINAL_COMMAND") -join "`n"))
                $out = [Console]::OpenStandardOutput()
                $out.Write($bytes, 0, $bytes.Length)
                $out.Flush()
        } catch {
                [Console]::Error.WriteLine($_.Exception.Message)
                exit 1
        }
}

Export-ModuleMember -Function 'Invoke-Sosync', 'Invoke-SosyncOverSsh', 'Restore-SosyncFlag'
