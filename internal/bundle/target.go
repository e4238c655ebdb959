package bundle

// target is the bundle that unpacking makes.
type target struct {
	manifest *Manifest
	// raw are the bytes of its bundle.json.
	raw []byte
	// seat is the seat of a kit that it is for.
	seat *Seat
	// host is the one host whose folder it has, or empty.
	host string
}

// target is what comes out when a part of the bundle is unpacked.
func (s *source) target(part Part) (*target, error) {
	seat, err := s.seat(part.Seat)
	if err != nil {
		return nil, err
	}
	t := &target{manifest: s.whole, raw: s.wholeRaw, seat: seat, host: part.Host}
	if seat != nil {
		t.manifest = s.whole.ofSeat(*seat)
		if t.raw, err = t.manifest.encode(); err != nil {
			return nil, err
		}
	}
	return t, checkHost(t.manifest.Hosts, part.Host)
}

// place is where a file of the bundle goes, if it goes anywhere.
func (t *target) place(path string) (string, bool) {
	if t.seat != nil {
		var ok bool
		if path, ok = inSeat(path, t.seat.Seat); !ok {
			return "", false
		}
	}
	host := hostOf(path)
	return path, t.host == "" || host == "" || host == t.host
}
