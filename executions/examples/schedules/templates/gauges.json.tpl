{
  "commands": [
    "DAY=$(date -u +%Y%m%d) && python3 /opt/gauges/observations.py --day $DAY --out /tmp/gauges.csv",
    "DAY=$(date -u +%Y%m%d) && aws s3 cp /tmp/gauges.csv s3://${bucket}/gauges/$DAY.csv"
  ],
  "run_options": {
    "ii_terminate_instance": true,
    "ii_delete_volume": true,
    "ii_check_s3": { "bucket": "${bucket}", "prefix": "gauges/$DATE.csv" },
    "timeout_s": ${timeout_s}
  },
  "instance_parameters": {
    "ImageId": "${ami_id}",
    "InstanceType": "${instance_type}",
    "IamInstanceProfile": { "Name": "${profile}" },
    "TagSpecifications": [
      { "ResourceType": "instance", "Tags": [{ "Key": "Name", "Value": "${environment_suffix}_gauges_${init}" }] }
    ],
    "BlockDeviceMappings": [{ "DeviceName": "/dev/xvda", "Ebs": { "VolumeSize": ${volume_gb}, "VolumeType": "gp3" } }]
  }
}
