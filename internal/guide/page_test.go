package guide_test

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/satchel-kit/satchel/internal/guide"
)

const sample = "# 手册：07 号座位\n\n文字 **重点**：`a<b`\n\n## 1.1 集群\n\n### 1.1.1 主机\n\n| a | b |\n|---|---|\n| 1 | <script>alert(1)</script> |\n\n```\n[root@m ~]# x & y\n```\n\n## Others\n"

func page(t *testing.T, language string) string {
	t.Helper()
	out, err := guide.Page([]byte(sample), language)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestPageIsWellFormedAndComplete(t *testing.T) {
	text := page(t, "zh")
	dec := xml.NewDecoder(strings.NewReader(text))
	dec.Strict, dec.AutoClose, dec.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	for {
		if _, err := dec.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{
		`<html lang="zh-CN">`, `<title>手册：07 号座位</title>`, `<h3 id="c1.1.1">1.1.1 主机</h3>`,
		`<a href="#c1.1.1">1.1.1 主机</a>`, `<a href="#s2">Others</a>`, `<strong>重点</strong>：`, `<div class="wide"><table>`, "x &amp; y", "目录",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in:\n%s", want, text)
		}
	}
}

// A page asks for nothing beside itself, and runs nothing.
func TestPageStandsAlone(t *testing.T) {
	text := page(t, "en")
	for _, no := range []string{"<script", "<link", "src=", "url(", "@import", "http://", "https://"} {
		if strings.Contains(text, no) {
			t.Errorf("%q is in the page", no)
		}
	}
}

func TestPageIsTheSameEachTime(t *testing.T) {
	first, second := page(t, "zh"), page(t, "zh")
	if first != second {
		t.Error("two pages of one text differ")
	}
}
