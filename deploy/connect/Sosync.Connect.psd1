# SPDX-License-Identifier: Apache-2.0
@{
        RootModule        = 'Sosync.Connect.psm1'
        ModuleVersion     = '1.0.0'
        GUID              = '3d1f1c0e-6f0b-4f2a-9a55-3b7c9d0e51a7'
        Author            = 'sosync'
        Description       = 'What sosync may ask of an Entra Connect server'
        PowerShellVersion = '5.1'
        FunctionsToExport = @('Invoke-Sosync', 'Invoke-SosyncOverSsh', 'Restore-SosyncFlag')
        CmdletsToExport   = @()
        VariablesToExport = @()
        AliasesToExport   = @()
}
