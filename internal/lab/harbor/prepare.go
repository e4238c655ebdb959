//go:build lab && linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// settings are what of harbor.yml the stand-in uses or Harbor's own prepare demands
// (goharbor/harbor, make/photon/prepare/utils/configs.py).
type settings struct {
	Version  string `yaml:"_version"`
	Hostname string `yaml:"hostname"`
	HTTP     struct {
		Port int `yaml:"port"`
	} `yaml:"http"`
	HTTPS struct {
		Port        int    `yaml:"port"`
		Certificate string `yaml:"certificate"`
		PrivateKey  string `yaml:"private_key"`
	} `yaml:"https"`
	AdminPassword string `yaml:"harbor_admin_password"`
	Database      struct {
		Password     string `yaml:"password"`
		MaxIdleConns int    `yaml:"max_idle_conns"`
	} `yaml:"database"`
	DataVolume string `yaml:"data_volume"`
	JobService struct {
		MaxJobWorkers   int      `yaml:"max_job_workers"`
		JobLoggers      []string `yaml:"job_loggers"`
		SweeperDuration int      `yaml:"logger_sweeper_duration"`
	} `yaml:"jobservice"`
	Notification struct {
		MaxRetry      int `yaml:"webhook_job_max_retry"`
		ClientTimeout int `yaml:"webhook_job_http_client_timeout"`
	} `yaml:"notification"`
	Log struct {
		Level string `yaml:"level"`
		Local struct {
			Location string `yaml:"location"`
		} `yaml:"local"`
	} `yaml:"log"`
}

// config is what the server reads.
type config struct {
	Listen, Certificate, Key, AdminPassword, Data string
}

// hostRoot is where prepare sees the host's files, as in Harbor's own script.
const hostRoot = "/hostfs"

// prepare reads DIR/harbor.yml and writes the configuration and docker-compose.yml
// beside it.
func prepare(dir string) error {
	text, err := os.ReadFile(filepath.Join(hostRoot, dir, "harbor.yml"))
	if err != nil {
		return fmt.Errorf("reading the configuration: %w", err)
	}
	var s settings
	if err := yaml.Unmarshal(text, &s); err != nil {
		return fmt.Errorf("reading harbor.yml: %w", err)
	}
	version := os.Getenv("HARBOR_VERSION")
	if err := s.check(version); err != nil {
		return fmt.Errorf("harbor.yml: %w", err)
	}
	c := config{Listen: fmt.Sprintf(":%d", s.HTTP.Port), AdminPassword: s.AdminPassword, Data: "/data"}
	secrets := filepath.Join(hostRoot, s.DataVolume, "secret")
	configs := filepath.Join(hostRoot, dir, "common/config")
	if err := errors.Join(os.MkdirAll(secrets, 0o700), os.MkdirAll(configs, 0o755)); err != nil {
		return err
	}
	if s.HTTPS.Port != 0 {
		c.Listen = fmt.Sprintf(":%d", s.HTTPS.Port)
		c.Certificate, c.Key = "/data/secret/server.crt", "/data/secret/server.key"
		for from, to := range map[string]string{s.HTTPS.Certificate: "server.crt", s.HTTPS.PrivateKey: "server.key"} {
			content, err := os.ReadFile(filepath.Join(hostRoot, from))
			if err == nil {
				err = os.WriteFile(filepath.Join(secrets, to), content, 0o600)
			}
			if err != nil {
				return fmt.Errorf("copying the certificate: %w", err)
			}
		}
	}
	out, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(configs, "harbor.json"), out, 0o600),
		os.WriteFile(filepath.Join(hostRoot, dir, "docker-compose.yml"), []byte(composeFile(version, dir, s.DataVolume)), 0o644))
}

func composeFile(version, dir, data string) string {
	return fmt.Sprintf(`services:
  core:
    image: goharbor/harbor-core:v%s
    network_mode: host
    volumes:
      - %s/common/config:/etc/harbor
      - %s:/data
    command: serve /etc/harbor/harbor.json
`, version, dir, data)
}

// check demands what Harbor's prepare of the version demands.
func (s *settings) check(version string) error {
	minor := strings.Join(strings.Split(version, ".")[:2], ".")
	switch {
	case s.Version != minor+".0":
		return fmt.Errorf("_version is %q, not %q", s.Version, minor+".0")
	case slices.Contains([]string{"", "127.0.0.1", "localhost", "reg.mydomain.com"}, s.Hostname):
		return fmt.Errorf("hostname %q is not allowed", s.Hostname)
	case s.AdminPassword == "" || strings.HasPrefix(s.AdminPassword, "@"):
		return errors.New("no harbor_admin_password")
	case s.Database.Password == "" || s.Database.MaxIdleConns == 0:
		return errors.New("no database")
	case s.DataVolume == "" || s.HTTP.Port == 0 || s.JobService.MaxJobWorkers == 0 || s.Notification.MaxRetry == 0 || s.Log.Local.Location == "":
		return errors.New("data_volume, http, jobservice, notification or log is not complete")
	case minor != "2.5" && (len(s.JobService.JobLoggers) == 0 || s.JobService.SweeperDuration == 0 || s.Notification.ClientTimeout == 0):
		return errors.New("jobservice or notification lacks what Harbor demands from 2.9 on")
	}
	return nil
}
