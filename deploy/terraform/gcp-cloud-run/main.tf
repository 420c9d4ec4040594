# zenstream as a Cloud Run job that Cloud Scheduler starts from time to time. Each run reads every stream
# to its present end. Positions stand in the bucket, so nothing stays in the job.

locals {
  config      = coalesce(var.config, file("${path.module}/zenstream.yaml"))
  object_name = "projects/_/buckets/${var.bucket}/objects"
}

resource "google_service_account" "job" {
  project      = var.project
  account_id   = "${var.name}-job"
  display_name = "zenstream: reads Zendesk, writes to gs://${var.bucket}"
}

# What was written can be read and listed, which is how it is known again after a crash.
resource "google_storage_bucket_iam_member" "viewer" {
  bucket = var.bucket
  role   = "roles/storage.objectViewer"
  member = google_service_account.job.member
}

# Nothing that was delivered can be replaced or deleted.
resource "google_storage_bucket_iam_member" "creator" {
  bucket = var.bucket
  role   = "roles/storage.objectCreator"
  member = google_service_account.job.member
}

# The checkpoint is one object that is replaced with every save.
resource "google_storage_bucket_iam_member" "state" {
  bucket = var.bucket
  role   = "roles/storage.objectUser"
  member = google_service_account.job.member

  condition {
    title      = "checkpoint"
    expression = "resource.name.startsWith(\"${local.object_name}/${var.state_prefix}\")"
  }
}

# The config holds no secret; it stands here because a job can mount nothing else.
resource "google_secret_manager_secret" "config" {
  project   = var.project
  secret_id = "${var.name}-config"

  replication {
    auto {}
  }
}

resource "google_secret_manager_secret_version" "config" {
  secret      = google_secret_manager_secret.config.id
  secret_data = local.config
}

resource "google_secret_manager_secret_iam_member" "config" {
  project   = var.project
  secret_id = google_secret_manager_secret.config.secret_id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.job.member
}

resource "google_secret_manager_secret_iam_member" "secrets" {
  for_each = var.secrets

  project   = var.project
  secret_id = each.value
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.job.member
}

resource "google_cloud_run_v2_job" "this" {
  project  = var.project
  location = var.region
  name     = var.name
  labels   = var.labels

  template {
    # One process a checkpoint.
    task_count  = 1
    parallelism = 1

    template {
      service_account = google_service_account.job.email
      timeout         = "${var.timeout}s"
      # What was missed is read with the next run.
      max_retries = 0

      containers {
        image = var.image
        args  = ["run", "--config", "/etc/zenstream/zenstream.yaml", "--once"]

        env {
          name  = "GCS_BUCKET"
          value = var.bucket
        }

        env {
          name  = "ZENSTREAM_LOG_FORMAT"
          value = "json"
        }

        dynamic "env" {
          for_each = var.environment

          content {
            name  = env.key
            value = env.value
          }
        }

        dynamic "env" {
          for_each = var.secrets

          content {
            name = env.key

            value_source {
              secret_key_ref {
                secret  = env.value
                version = "latest"
              }
            }
          }
        }

        resources {
          limits = {
            cpu    = "1"
            memory = var.memory
          }
        }

        volume_mounts {
          name       = "config"
          mount_path = "/etc/zenstream"
        }
      }

      volumes {
        name = "config"

        secret {
          secret = google_secret_manager_secret.config.secret_id

          items {
            version = google_secret_manager_secret_version.config.version
            path    = "zenstream.yaml"
            mode    = 292 # 0444
          }
        }
      }
    }
  }

  depends_on = [
    google_secret_manager_secret_iam_member.config,
    google_secret_manager_secret_iam_member.secrets,
  ]
}

resource "google_service_account" "schedule" {
  project      = var.project
  account_id   = "${var.name}-schedule"
  display_name = "zenstream: starts the job"
}

resource "google_cloud_run_v2_job_iam_member" "schedule" {
  project  = var.project
  location = var.region
  name     = google_cloud_run_v2_job.this.name
  role     = "roles/run.invoker"
  member   = google_service_account.schedule.member
}

resource "google_cloud_scheduler_job" "this" {
  project          = var.project
  region           = var.region
  name             = var.name
  description      = "Reads Zendesk"
  schedule         = var.schedule
  time_zone        = "Etc/UTC"
  attempt_deadline = "60s"

  retry_config {
    retry_count = 0
  }

  http_target {
    http_method = "POST"
    uri         = "https://run.googleapis.com/v2/projects/${var.project}/locations/${var.region}/jobs/${google_cloud_run_v2_job.this.name}:run"

    oauth_token {
      service_account_email = google_service_account.schedule.email
    }
  }
}

locals {
  executions = "resource.type = \"cloud_run_job\" AND resource.labels.job_name = \"${google_cloud_run_v2_job.this.name}\" AND metric.type = \"run.googleapis.com/job/completed_execution_count\""
}

resource "google_monitoring_alert_policy" "errors" {
  project               = var.project
  display_name          = "${var.name}: readings fail"
  combiner              = "OR"
  notification_channels = var.notification_channels
  user_labels           = var.labels

  conditions {
    display_name = "two readings in an hour failed"

    condition_threshold {
      filter          = "${local.executions} AND metric.labels.result = \"failed\""
      comparison      = "COMPARISON_GT"
      threshold_value = 1
      duration        = "0s"

      aggregations {
        alignment_period   = "3600s"
        per_series_aligner = "ALIGN_DELTA"
      }
    }
  }

  documentation {
    content = "The log of the job's last executions says why."
  }
}

resource "google_monitoring_alert_policy" "absent" {
  project               = var.project
  display_name          = "${var.name}: no reading"
  combiner              = "OR"
  notification_channels = var.notification_channels
  user_labels           = var.labels

  conditions {
    display_name = "no reading ended well for two hours"

    condition_absent {
      filter   = "${local.executions} AND metric.labels.result = \"succeeded\""
      duration = "7200s"

      aggregations {
        alignment_period   = "300s"
        per_series_aligner = "ALIGN_DELTA"
      }
    }
  }

  documentation {
    content = "See whether the schedule starts the job, and how its executions end."
  }
}
