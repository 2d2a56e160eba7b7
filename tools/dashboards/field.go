package main

import (
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

func thresholds(limits []limit) *dashboard.ThresholdsConfig {
	t := &dashboard.ThresholdsConfig{Mode: dashboard.ThresholdsModeAbsolute}
	for i, l := range limits {
		step := dashboard.Threshold{Color: l.colour}
		if i > 0 {
			step.Value = &l.from
		}
		t.Steps = append(t.Steps, step)
	}
	return t
}

func mappings(all []shown) []dashboard.ValueMapping {
	values := map[string]dashboard.ValueMappingResult{}
	var out []dashboard.ValueMapping
	for i, s := range all {
		result := dashboard.ValueMappingResult{Text: &s.text, Color: &s.colour, Index: of(int32(i))}
		if s.value != "nan" {
			values[s.value] = result
			continue
		}
		out = append(out, dashboard.ValueMapping{SpecialValueMap: &dashboard.SpecialValueMap{
			Type:    dashboard.MappingTypeSpecialValue,
			Options: dashboard.DashboardSpecialValueMapOptions{Match: dashboard.SpecialValueMatchNaN, Result: result},
		}})
	}
	if len(values) > 0 {
		out = append(out, dashboard.ValueMapping{ValueMap: &dashboard.ValueMap{Type: dashboard.MappingTypeValueToText, Options: values}})
	}
	return out
}

func dataLinks(all []link) (out []map[string]any) {
	for _, l := range all {
		out = append(out, map[string]any{"title": l.title, "url": l.url, "targetBlank": true})
	}
	return out
}

// override returns what is different for a field, as Grafana's properties.
func (f field) override() dashboard.DashboardFieldConfigSourceOverrides {
	o := dashboard.DashboardFieldConfigSourceOverrides{
		Matcher:    dashboard.MatcherConfig{Id: "byName", Options: f.name},
		Properties: []dashboard.DynamicConfigValue{},
	}
	if len(f.name) > 1 && f.name[0] == '/' {
		o.Matcher.Id = "byRegexp"
	}
	set := func(is bool, id string, value any) {
		if is {
			o.Properties = append(o.Properties, dashboard.DynamicConfigValue{Id: id, Value: value})
		}
	}
	set(f.unit != "", "unit", f.unit)
	set(f.colour != "", "color", map[string]any{"mode": "fixed", "fixedColor": f.colour})
	set(f.limits != nil, "thresholds", thresholds(f.limits))
	set(len(f.shown) > 0, "mappings", mappings(f.shown))
	set(len(f.links) > 0, "links", dataLinks(f.links))
	set(f.right, "custom.axisPlacement", "right")
	set(f.dashed, "custom.lineStyle", map[string]any{"fill": "dash", "dash": []int{10, 10}})
	set(f.dashed, "custom.fillOpacity", 0)
	set(f.alone, "custom.stacking", map[string]any{"mode": "none", "group": "A"})
	set(f.width > 0, "custom.width", f.width)
	return o
}
