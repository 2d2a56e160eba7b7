package cli

// configSetting names the configuration file.
func configSetting(to *string) *setting {
	return private(text(to, setting{
		name: "config", env: "LEGATE_CONFIG", category: "File", hint: "FILE",
		usage: "YAML file with settings in blocks: consul, services, xds, admin, log, … The help of each flag names its key. Unknown keys are errors.",
	}))
}
