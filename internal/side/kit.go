package side

import (
	"fmt"
	"strings"
)

// splitSeats makes the hosts of a kit's seats hosts of this side, each called by its seat
// and its name: what is the same on the hosts of many seats then shows once, as on the
// hosts of one cluster. What else a seat has keeps its place. Guides and the teacher's
// page tell again what the other texts say, for people; they are left out.
func (s *Side) splitSeats() {
	guides := 0
	move := func(path string) (string, bool) {
		if strings.HasPrefix(path, "teacher/") {
			return "", false
		}
		rest, ok := strings.CutPrefix(path, "seats/")
		if !ok {
			return path, true
		}
		seat, file, _ := strings.Cut(rest, "/")
		if strings.HasPrefix(file, "guide/") {
			guides++
			return "", false
		}
		if own, ok := strings.CutPrefix(file, "hosts/"); ok {
			return "hosts/seat " + seat + " " + own, true
		}
		return path, true
	}
	texts, absent := map[string]Text{}, map[string]bool{}
	for path, text := range s.Texts {
		if to, ok := move(path); ok {
			texts[to] = text
		}
	}
	for path := range s.Absent {
		if to, ok := move(path); ok {
			absent[to] = true
		}
	}
	if guides == 0 {
		return
	}
	s.Texts, s.Absent = texts, absent
	s.Notes = append(s.Notes, fmt.Sprintf("%s is a kit of many seats; their guides are not compared", s.Name))
}
