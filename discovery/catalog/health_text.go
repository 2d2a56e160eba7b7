package catalog

import "fmt"

// MarshalText writes the state's name, so that a saved catalog can be read by people.
func (h Health) MarshalText() ([]byte, error) {
	if h > Maintenance {
		return nil, fmt.Errorf("health %d: no such state", uint8(h))
	}
	return []byte(h.String()), nil
}

// UnmarshalText reads the name of a state.
func (h *Health) UnmarshalText(text []byte) error {
	for known := Passing; known <= Maintenance; known++ {
		if known.String() == string(text) {
			*h = known
			return nil
		}
	}
	return fmt.Errorf("health %q: want passing, warning, critical or maintenance", text)
}
